"""What a refusal says of the person, beyond the one message: it is heeded where it is heard, and once is enough."""

from campaigns.models import Message
from campaigns.services import replies
from customers.services import push


def heed(message: Message, reason: str) -> None:
    """After a message that will never be sent. Outside of any transaction; safe to repeat."""
    if reason == "opted_out":
        replies.opted_out(message)
    elif reason == "gone" and message.channel == "push" and message.contact_point_id:
        push.ended(message.contact_point_id)
