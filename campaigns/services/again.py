"""Trying at once what a provider put off: for whoever has mended the cause and need not wait for the next try."""

from django.db import connection, transaction

from accounts.services import audit
from campaigns.models import Campaign
from campaigns.queries.causes import CODE, PUT_OFF

# Only rows that the provider refused for now, so that nothing of them went out. What failed, and what may have gone out,
# stays as it is: nobody gets a message twice by a button.
NOW = f"""
UPDATE campaigns_message SET not_before = now()
WHERE campaign_id = %(campaign)s AND channel = %(channel)s AND {PUT_OFF} AND {CODE} = %(code)s
"""  # noqa: S608 - all parts are constants


def try_now(campaign_id: int, *, actor, channel: str, code: str) -> int:
    """Makes the rows that were put off with this code due; returns how many. They are asked about as ever before they go."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(NOW, {"campaign": campaign_id, "channel": channel, "code": code})
            rows = cursor.rowcount
        said = {"channel": channel, "code": code, "messages": rows}
        audit(actor, "campaign.try_now", Campaign(pk=campaign_id), after=said)
    return rows
