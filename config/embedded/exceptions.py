class StartRefused(Exception):
    """Something in the way of a start; the message is one line that says what it is and what to do about it."""
