"""Coupon codes: one of one's own for every treated person, or one that everybody gets; and the orders that they opened."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from campaigns.models import Campaign, Codes, CouponCode

# Crockford's 32 signs: nobody confuses I and 1 or O and 0 when reading a code to somebody.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Ten signs of five random bits: one in 10^9 guesses hits one of a million codes. Bytes 6 and 8 of a random UUID hold its
# version, so those are passed over.
PLACES = (0, 1, 2, 3, 4, 5, 9, 10, 11, 12)
_SIGNS = " || ".join(
    f"substr('{ALPHABET}', get_byte(bytes, {place}) %% 32 + 1, 1)" + (" || '-'" if place == PLACES[4] else "")
    for place in PLACES
)
ISSUE = f"""
INSERT INTO campaigns_couponcode (campaign_id, offer_id, customer_id, code, origin)
SELECT a.campaign_id, %(offer)s, a.customer_id, {_SIGNS}, 'observed'
FROM (SELECT campaign_id, customer_id, uuid_send(gen_random_uuid()) AS bytes
      FROM campaigns_assignment t WHERE campaign_id = %(campaign)s AND arm = 'treated'
        AND (%(only)s::bigint[] IS NULL OR t.customer_id = ANY(%(only)s::bigint[]))
        AND NOT EXISTS (SELECT FROM campaigns_couponcode k
                        WHERE k.campaign_id = t.campaign_id AND k.customer_id = t.customer_id
                          AND NOT EXISTS (SELECT FROM campaigns_redemption r WHERE r.code_id = k.id))) a
ON CONFLICT DO NOTHING
"""  # noqa: S608 - the parts are constants of this module
# Orders that name a code of a campaign, each once. Of several campaigns with one shared code the person's own comes first,
# then the newest. Reads order_received and coupon_code.
# A code of one's own is good once: its first order redeems it, and single_code_once decides between two at once.
REDEEM = """
WITH named AS (
    SELECT DISTINCT ON (o.id) k.id AS code_id, o.customer_id, o.id AS order_id, o.ordered_at, o.origin,
           c.codes = 'unique' AS is_single
    FROM customers_order o
    JOIN campaigns_couponcode k ON k.code IN (o.coupon, upper(o.coupon))
    JOIN campaigns_campaign c ON c.id = k.campaign_id
    WHERE o.received_at > %(since)s AND o.coupon <> '' AND o.cancelled_at IS NULL
      AND NOT EXISTS (SELECT FROM campaigns_redemption r WHERE r.order_id = o.id)
    ORDER BY o.id, (k.customer_id IS NOT DISTINCT FROM o.customer_id) DESC, k.id DESC
)
INSERT INTO campaigns_redemption (code_id, customer_id, order_id, redeemed_at, origin, is_single)
SELECT DISTINCT ON (CASE WHEN is_single THEN code_id ELSE -order_id END)
       code_id, customer_id, order_id, ordered_at, origin, is_single
FROM named
WHERE NOT is_single OR NOT EXISTS (SELECT FROM campaigns_redemption r WHERE r.code_id = named.code_id)
ORDER BY CASE WHEN is_single THEN code_id ELSE -order_id END, ordered_at, order_id
ON CONFLICT DO NOTHING
"""
LATE = timedelta(days=2)  # a sweep that comes later than this has missed orders: as long as a worker may be away


def redeem() -> int:
    """Ties orders that came in lately, from the web or the till, to the codes that they name; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(REDEEM, {"since": timezone.now() - LATE})
        return cursor.rowcount


def issue(campaign: Campaign, only: list[int] | None = None) -> int:
    """The codes of a campaign that starts or takes these people in, inside its transaction; returns how many rows were made.
    Who is taken in again keeps a code of their own that is still good, and gets another one for one that is used up.
    """
    if campaign.codes == Codes.SHARED:
        CouponCode.objects.get_or_create(
            campaign=campaign, offer_id=campaign.offer_id, code=campaign.shared_code, customer=None
        )
        return 1
    if campaign.codes != Codes.UNIQUE:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(ISSUE, {"campaign": campaign.pk, "offer": campaign.offer_id, "only": only})
        return cursor.rowcount


def codes_of(campaign: Campaign, customer_ids: list[int]) -> dict[int, str]:
    """By customer: the code that stands in their message; one query. Empty for a campaign without codes."""
    if campaign.codes == Codes.SHARED:
        return dict.fromkeys(customer_ids, campaign.shared_code)
    if campaign.codes != Codes.UNIQUE:
        return {}
    rows = CouponCode.objects.filter(campaign=campaign, customer_id__in=customer_ids).order_by(
        "pk"
    )  # the newest counts
    return dict(rows.values_list("customer_id", "code"))
