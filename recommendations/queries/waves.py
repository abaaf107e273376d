"""Reads about coupons that went out, for learning who uses one."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from customers.queries.pseudonyms import reading
from recommendations.models import OfferWave

RECEIVED = """
SELECT r.wave_id, customers_pseudonym(r.customer_id), CASE WHEN r.used_at < %(until)s THEN r.used_at END
FROM recommendations_wavereceiver r JOIN recommendations_offerwave w ON w.id = r.wave_id WHERE w.starts_at < %(until)s
"""
COVERED = """
SELECT offer_id, product_id FROM catalog_offerproduct WHERE offer_id = ANY(%(offers)s)
"""


@dataclass(frozen=True)
class Waves:
    """waves: those that began before a moment, the oldest first. received: (wave id, pseudonym, when a coupon of it was
    first used, None by then). covered: (offer id, product id) of their offers.
    """

    waves: list[OfferWave]
    received: list[tuple[int, int, datetime | None]]
    covered: list[tuple[int, int]]


def waves(until: datetime) -> Waves:
    """Of everybody reached; who may be learnt from is for the caller to tell, by the people of the training views."""
    found = list(OfferWave.objects.filter(starts_at__lt=until).order_by("starts_at", "pk"))
    offers = sorted({offer for wave in found for offer in wave.offers})
    with reading(), connection.cursor() as cursor:
        cursor.execute(RECEIVED, {"until": until})
        received = cursor.fetchall()
        cursor.execute(COVERED, {"offers": offers})
        return Waves(found, received, cursor.fetchall())
