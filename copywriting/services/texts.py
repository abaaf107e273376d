"""What a text message costs."""

from copywriting.llm import sms


def sms_size(text: str) -> sms.Size:
    """The parts of a text message that an operator bills, its encoding, and the signs that made it UCS-2."""
    return sms.size(text)
