"""A small shop with one campaign that stands approved: people with addresses and consent, products, words."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from campaigns.models import Campaign, MessageVariant, Segment
from campaigns.services import approval, audience, compose, tallies
from campaigns.services.lifecycle import move
from catalog.services.offers import save_offer
from customers.contracts import NewConsent, NewContact
from customers.models import Customer
from customers.services.consent import publish_notice, record_many
from customers.services.people import add_contact_points
from recommendations.models import Profile, Recommendation
from registry.models import ModelVersion
from tests import factories

EVERYBODY = {"field": "f_score", "op": ">=", "value": 1}


@dataclass
class Shop:
    campaign: Campaign
    people: list[Customer]
    marketer: User
    approver: User


def consent_of(customer: Customer, action: str = "given") -> NewConsent:
    return NewConsent(
        customer_id=customer.pk,
        purpose="marketing",
        channel="email",
        action=action,
        lawful_basis="consent",
        method="sign_up_form",
        actor="subject",
        notice_version="newsletter-1",
    )


def read(campaign: Campaign) -> str:
    """The digest of the campaign as it is, once it was read through as a worker would before anybody may approve it."""
    row = tallies.read_through(campaign)
    assert row.state == "done", row.message
    return row.answer["digest"]


def open_shop(
    people: int = 12, *, consenting: int | None = None, holdout_share: float = 0.0, per_second: int = 500
) -> Shop:
    """A campaign, approved and due, to `people` customers of whom the first `consenting` (all) gave consent."""
    marketer, approver = factories.staff("marketer"), factories.staff("approver")
    publish_notice("newsletter-1", "en", "Yes, send me offers by e-mail.")
    customers = [factories.customer() for _ in range(people)]
    add_contact_points(
        NewContact(c.pk, "email", f"{c.external_id}@example.invalid", origin="simulated") for c in customers
    )
    record_many(consent_of(c) for c in customers[:consenting])
    products = [
        factories.product(title, category="BREAD", product_type="ROLLS") for title in ("Rye rolls", "Oat biscuits")
    ]
    model = ModelVersion.objects.create(kind="recommender", status="live", artifact_digest="0" * 64)
    for customer in customers:
        Profile.objects.create(
            customer=customer, f_score=3, r_score=3, m_score=3, as_of=timezone.now(), model_version=model
        )
        for rank, product in enumerate(products, start=1):
            Recommendation.objects.create(
                customer=customer, product=product, rank=rank, score=1 / rank, is_novel=False,
                reason_code="bought_again", reason_value=2, reason_days=3, model_version=model,
            )  # fmt: skip
    segment = Segment.objects.create(slug="regular", name="Regular", rule=EVERYBODY, audience_phrase="our regulars")
    offer = save_offer(
        external_id="spring", title="15% off", kind="percent", value=Decimal(15),
        starts_at=timezone.now(), ends_at=timezone.now() + timedelta(days=10),
    )  # fmt: skip
    plan = compose.Plan(
        name="Rolls again",
        segment_ids=(segment.pk,),
        offer_id=offer.pk,
        items_per_message=2,
        holdout_share=holdout_share,
        scheduled_at=timezone.now(),
        per_second=per_second,
        waves=(),
    )
    campaign = compose.create(plan, actor=marketer)
    move(campaign.pk, "generate", actor=marketer)
    Campaign.objects.filter(pk=campaign.pk).update(recommender=model)
    campaign.refresh_from_db()
    audience.freeze(campaign)
    MessageVariant.objects.create(
        campaign=campaign,
        segment=segment,
        subject="{{ product.title }} again?",
        body="{{ product.title }} is waiting for you. {{ offer }} until {{ ends_on }} at {{ store }}.",
        writer="person",
    )
    move(campaign.pk, "drafted")
    campaign.refresh_from_db()
    approval.approve(campaign.pk, approver=approver, seen_digest=read(campaign))
    compose.schedule(campaign.pk, actor=marketer)
    campaign.refresh_from_db()
    return Shop(campaign, customers, marketer, approver)
