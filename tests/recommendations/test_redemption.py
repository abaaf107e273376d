"""From coupons that went out to who would use one: handed over, trained, scored, and said on a person's page."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from campaigns.models import Assignment, Campaign, CouponCode, Redemption
from campaigns.services.outcomes import hand_over
from campaigns.state import CampaignState, Kind
from catalog.models import Offer, OfferProduct, Product
from customers.models import Customer
from customers.services import consent
from recommendations import tasks
from recommendations.contracts import REDEMPTION, Wave
from recommendations.models import OfferWave, Profile, WaveReceiver
from recommendations.queries.people import personal, profile
from recommendations.queries.trends import overview
from recommendations.scoring.everyone import score_everyone
from recommendations.services.forgetting import forget
from recommendations.services.waves import take_wave
from registry import queries as registry
from registry.models import TrainingRun
from tests import factories
from tests.customers.rows import act
from tests.recommendations import households

pytestmark = pytest.mark.django_db
KIND = "Type B"


@pytest.fixture
def people(settings, tmp_path) -> list[Customer]:
    """The shop of `households`, where even numbers use a coupon for every order; four campaigns went to everybody, and the
    even ones used a coupon of each.
    """
    settings.ARTIFACTS_DIR = tmp_path
    found = households.fill()
    bread = Product.objects.get(product_type="BREAD")
    for number in range(4):
        campaign(number, bread, found)
    return found


def campaign(number: int, product: Product, people: list[Customer]) -> Campaign:
    starts = households.END - timedelta(days=40 * (5 - number))
    offer = Offer.objects.create(
        external_id=f"cj-{number}-1",
        title="A coupon",
        kind="coupon",
        starts_at=starts,
        ends_at=starts + timedelta(days=30),
    )
    OfferProduct.objects.create(offer=offer, product=product)
    made = Campaign.objects.create(
        external_id=f"cj-{number}", name=f"Campaign {number} ({KIND})", kind=Kind.HISTORY, state=CampaignState.SENT,
        holdout_share=0, started_at=starts, finished_at=starts + timedelta(days=30),
    )  # fmt: skip
    code = CouponCode.objects.create(campaign=made, offer=offer, code=f"C{number}")
    Assignment.objects.bulk_create(Assignment(campaign=made, customer=person, arm="treated") for person in people)
    used = [person for place, person in enumerate(people) if place % 2 == 0]
    Redemption.objects.bulk_create(
        Redemption(code=code, customer=person, redeemed_at=starts + timedelta(days=day))
        for person in used
        for day in (9, 5)
    )
    return made


def train() -> None:
    call_command("train_recommenders", "--here", "--only", "clusters", REDEMPTION, until=households.END.isoformat())


def test_what_went_out_is_handed_over_once(people):
    assert hand_over() == 4
    hand_over()
    assert list(OfferWave.objects.order_by("starts_at").values_list("external_id", "kind")) == [
        (f"cj-{number}", KIND) for number in range(4)
    ]
    first = OfferWave.objects.get(external_id="cj-0")
    assert WaveReceiver.objects.filter(wave=first).count() == households.PEOPLE
    used = dict(WaveReceiver.objects.filter(wave=first).values_list("customer_id", "used_at"))
    assert used[people[2].pk] == first.starts_at + timedelta(days=5)  # the first of two
    assert used[people[1].pk] is None


def test_who_uses_coupons_is_scored_with_reasons_on_their_page(people):
    hand_over()
    train()
    version = registry.live(REDEMPTION)
    assert version.metrics["roc_auc"]["value"] > 0.95 > version.metrics["roc_auc"]["baseline"]
    # The newest of four is judged on; the model that is kept saw all of them.
    assert (version.params["campaigns"], version.params["judged on"], version.rows) == (4, 1, 4 * households.PEOPLE)
    uses, never = profile(people[2].pk), profile(people[1].pk)
    assert uses.redemption[KIND] > 0.8
    assert never.redemption[KIND] < 0.2
    assert len(uses.factors[KIND]) == 3
    client = Client()
    client.force_login(factories.staff("marketer"))
    text = client.get(reverse("recommendations:customer", args=[people[2].pk])).content.decode()
    assert f"Would use a coupon of a campaign “{KIND}”" in text
    bars = [f'class="mark mark-kept" width="{chance}" height="1"' for chance in uses.redemption.values()]
    assert all(bar in text for bar in bars)
    accuracy, guessing = version.params["accuracy"], version.params["accuracy of guessing"]
    told = client.get(reverse("registry:version", args=[version.pk])).content.decode()
    assert f"Right about {accuracy:.3f} of people" in told and f"is right about {guessing:.3f}." in told
    ((kind, scored, expected, likely, likeliest),) = overview().redeemers
    assert (kind, scored, likely) == (KIND, households.PEOPLE, 100)
    assert 80 < expected < 120
    assert len(likeliest) == 5 and all(Customer.objects.get(pk=pk) in people[::2] for pk in likeliest)
    text = client.get(reverse("recommendations:behaviour")).content.decode()
    assert f"Likeliest, {KIND}" in text and Customer.objects.get(pk=likeliest[0]).external_id in text
    forget(likeliest[0])
    assert overview().redeemers[0][4] == likeliest[1:]


def test_a_campaign_that_still_runs_teaches_nothing_yet(people):
    hand_over()
    OfferWave.objects.filter(external_id="cj-3").update(ends_at=households.END + timedelta(days=1))
    train()
    assert registry.live(REDEMPTION).params["campaigns"] == 3


def test_too_few_campaigns_leave_it_out_with_the_reason(people, capsys):
    hand_over()
    OfferWave.objects.exclude(external_id__in=["cj-0", "cj-1"]).delete()
    train()
    assert "redemption is left out: Too few data: redemption: 2 campaigns" in capsys.readouterr().out
    assert Profile.objects.first().figures["redemption"] == {}


def test_who_refused_teaches_nothing_and_is_not_scored(people):
    hand_over()
    consent.record(act(people[2].pk, "refused", purpose="model_training"))
    train()
    assert registry.live(REDEMPTION).rows == 4 * (households.PEOPLE - 1)
    score_everyone()
    assert profile(people[2].pk) is None


def test_a_person_gets_their_rows_and_can_have_them_deleted(people):
    hand_over()
    assert [row["wave__external_id"] for row in personal(people[2].pk)["coupons_received"]] == [
        f"cj-{number}" for number in range(4)
    ]
    assert forget(people[2].pk)["coupons_received"] == 4
    assert personal(people[2].pk)["coupons_received"] == []


def test_the_nightly_asks_for_it_only_where_coupons_went_out(people, monkeypatch):
    monkeypatch.setattr(tasks.train, "delay", lambda run_id: None)
    monkeypatch.setattr(tasks.score, "delay", lambda: None)
    monkeypatch.setattr(tasks.watch, "delay", lambda: None)
    tasks.nightly()
    assert not TrainingRun.objects.filter(kind=REDEMPTION).exists()
    hand_over()
    tasks.nightly()
    assert TrainingRun.objects.filter(kind=REDEMPTION).count() == 1


def test_a_wave_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="cj-9: ends_at must lie after starts_at"):
        take_wave(Wave("cj-9", KIND, households.END, households.END, ()), [])
    assert not OfferWave.objects.exists()
