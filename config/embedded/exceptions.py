class StartRefused(Exception):  # noqa: N818 (a refusal is an answer, not an error)
    """Something in the way of a start; the message is one line that says what it is and what to do about it."""
