"""Files of the channels that send nothing by themselves: who is in them, who is not, who let them go, and what they say."""

import csv
import hashlib
import io
import json
import re
import tracemalloc
import zipfile
import zlib

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.models import AuditEntry, ExportRequest
from accounts.services import ask_export, decide_export
from campaigns.channels.audience import google_row, meta_row
from campaigns.contracts import AudienceContact
from campaigns.models import AdCopy, Assignment, Campaign, CouponCode, HandOver, Listed, Message, Redemption
from campaigns.queries import handover as queries
from campaigns.queries import measurement
from campaigns.services import ads, approval, codes, delivery, handover, rights
from campaigns.services.evidence import of_campaign
from campaigns.services.lifecycle import move
from campaigns.services.withdrawal import acknowledge
from customers.contracts import NewConsent, NewContact
from customers.models import ContactPoint, Order
from customers.services import people, suppression
from customers.services import rights as requests
from customers.services.consent import record_many
from customers.services.events import record_events
from tests import factories
from tests.accounts.test_login import log_in
from tests.campaigns.pages import again
from tests.flows.shop import Shop, open_shop, read

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_counts_of_other_tests():
    cache.clear()


def consent(customer, channel: str) -> NewConsent:
    return NewConsent(
        customer_id=customer.pk, purpose="marketing", channel=channel, action="given", lawful_basis="consent",
        method="sign_up_form", actor="subject", notice_version="newsletter-1",
    )  # fmt: skip


def started(channel: str, *, holdout_share: float = 0.0, people: int = 8, **fields) -> Shop:
    """A shop whose campaign is on this channel alone, approved and started; everybody agreed to the channel."""
    shop = open_shop(people=people, holdout_share=holdout_share)
    record_many(consent(person, channel) for person in shop.people)
    move(shop.campaign.pk, "unschedule")
    move(shop.campaign.pk, "expire", reason="another channel")
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=[channel], **fields)
    again(shop)
    approval.approve(shop.campaign.pk, approver=shop.approver, seen_digest=read(shop.campaign))
    move(shop.campaign.pk, "schedule")
    delivery.start(shop.campaign.pk)
    return again(shop)


def allowed(shop: Shop, target: str, by=None) -> ExportRequest:
    by = by or shop.marketer
    found = ask_export(
        by, kind=handover.EXPORT_KIND, what="a file", object_id=handover.object_id(shop.campaign.pk, target), reason="ads"
    )  # fmt: skip
    officer = factories.staff("officer")
    decide_export(found.pk, officer, approve=True, reason="fine")
    return found


def taken(shop: Shop, target: str) -> dict[str, str | bytes]:
    """The file by its parts: text as text."""
    _, _, parts = handover.take(shop.campaign, target, allowed(shop, target).pk, actor=shop.marketer)
    whole = b"".join(parts)
    again(shop)
    one = HandOver.objects.latest("pk")
    assert (one.size, one.digest) == (len(whole), hashlib.sha256(whole).hexdigest()) and one.finished_at
    if target == "till":
        return {"till": whole.decode()}
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    said = json.loads(found["about.json"])
    assert {f["name"]: f["sha256"] for f in said["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != "about.json"
    }
    return {name: data if name.endswith(".pdf") else data.decode() for name, data in found.items()}


def emails(text: str, column: str = "email") -> set[str]:
    return {row[column] for row in csv.DictReader(io.StringIO(text))}


def hashed(*people) -> set[str]:
    return {hashlib.sha256(f"{person.external_id}@example.invalid".encode()).hexdigest() for person in people}


def states(shop: Shop) -> dict[str, int]:
    rows = Message.objects.filter(campaign=shop.campaign).values_list("state", flat=True)
    return {state: list(rows).count(state) for state in set(rows)}


# --- the formats


def test_hashes_are_those_that_the_platforms_print_in_their_own_documents():
    # Meta, “Customer Information Parameters”: john_smith@gmail.com, 16505551212, us. Google's sample address.
    row = meta_row(AudienceContact("  John_Smith@gmail.com ", "+1 (650) 555-1212", "US"))
    assert row == (
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
        "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
    )
    email, phone, first, last, country, code = google_row(AudienceContact("Test@Gmail.com", "+18008888888", "us"))
    assert email == "87924606b4131a8aceeeae8868531fbb9712aaa07a5d3a756b26ce0f5d6ca674"
    assert phone == hashlib.sha256(b"+18008888888").hexdigest()
    assert (first, last, country, code) == ("", "", "US", "")
    assert meta_row(AudienceContact("a@example.com"))[1:] == ("", "")  # of nothing there is no hash


def test_each_platform_gets_its_own_columns_with_phone_and_country():
    shop = started("social", people=2)
    ann = shop.people[0]
    type(ann).objects.filter(pk=ann.pk).update(jurisdiction="US-CA")
    people.add_contact_points([NewContact(ann.pk, "phone", "+16505551212")])

    meta = taken(shop, "meta")["audience-regular.csv"].splitlines()
    google = taken(shop, "google")["audience-regular.csv"].splitlines()

    assert meta[0] == "email,phone,country" and google[0] == "Email,Phone,First Name,Last Name,Country,Zip"
    (address,) = hashed(ann)
    assert meta[1].split(",")[0] == address and len(meta) == len(google) == 3
    assert meta[1].split(",")[1] == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    assert google[1].split(",")[4] == "US" and "@" not in "".join(meta + google)


# --- who is in it


def test_nothing_is_sent_by_itself_and_the_file_makes_the_campaign_sent():
    shop = started("social")
    assert delivery.send_batch(shop.campaign.pk) == 0 and delivery.channels_of(shop.campaign.pk) == []
    delivery.sweep()
    assert (states(shop), again(shop).campaign.state) == ({"queued": 8}, "sending")

    taken(shop, "meta")

    assert states(shop) == {"sent": 8}
    delivery.sweep()
    assert again(shop).campaign.state == "sent"
    assert measurement.results(shop.campaign).funnel.sent == 8
    taken(shop, "google")  # the other platform, of what was sent


def test_who_is_held_out_is_on_no_audience_list_and_on_the_list_of_whom_not_to_show_it_to():
    shop = started("social", holdout_share=0.4, people=12)
    by_arm = {
        arm: [p for p in shop.people if Assignment.objects.get(customer=p).arm == arm] for arm in ("treated", "holdout")
    }
    assert all(by_arm.values())

    parts = taken(shop, "meta")

    assert emails(parts["audience-regular.csv"]) == hashed(*by_arm["treated"])
    assert emails(parts["exclude-regular.csv"]) == hashed(*by_arm["holdout"])
    assert emails(parts["remove.csv"]) == set()
    one = HandOver.objects.get()
    assert (one.people, one.held_out, one.taken_off) == (len(by_arm["treated"]), len(by_arm["holdout"]), 0)


def test_who_withdrew_between_approval_and_file_is_not_in_it():
    shop = started("social", people=6)
    ann, ben, cat, dan, eve, _ = shop.people
    acknowledge(customer_id=ann.pk, channel="social", purpose="marketing", method="page", actor="subject")
    acknowledge(customer_id=ben.pk, channel="any", purpose="marketing", method="page", actor="subject")
    # Stopped elsewhere, past the fence of the withdrawal: by the handle, by a bounce of the address, by a fraud flag.
    people.add_contact_points([NewContact(cat.pk, "social", "instagram:cat")])
    suppression.suppress(
        channel="social", contact_point_id=ContactPoint.objects.get(customer=cat, kind="social").pk, reason="staff",
        actor="platform",
    )  # fmt: skip
    suppression.suppress(
        channel="email", contact_point_id=ContactPoint.objects.get(customer=dan, kind="email").pk, reason="bounced",
        actor="platform",
    )  # fmt: skip
    type(eve).objects.filter(pk=eve.pk).update(excluded_at=timezone.now())

    parts = taken(shop, "meta")

    assert emails(parts["audience-regular.csv"]) == hashed(shop.people[5])
    reasons = dict(Message.objects.filter(state="skipped").values_list("customer_id", "reason"))
    assert reasons == {
        ann.pk: "withdrawn", ben.pk: "withdrawn", cat.pk: "suppressed", dan.pk: "suppressed", eve.pk: "risk",
    }  # fmt: skip


def test_the_gate_closes_the_channel_by_address_and_by_handle_and_leaves_an_unsubscription_from_mail_alone():
    shop = open_shop(people=4)
    record_many(consent(person, "social") for person in shop.people)
    people.add_contact_points([NewContact(shop.people[0].pk, "social", "instagram:ann")])
    twin = factories.customer()  # shares the address of the second, and says no to everything
    people.add_contact_points([NewContact(twin.pk, "email", f"{shop.people[1].external_id}@example.invalid")])
    record_many([consent(twin, "social")])
    suppression.suppress_people([(shop.people[0].pk, "social"), (twin.pk, "any")], "unsubscribed")
    suppression.suppress_people([(shop.people[2].pk, "email")], "unsubscribed")  # of mail, and of nothing else
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["social"])
    again(shop)
    digest, content, size = approval.digest_of(shop.campaign)
    shop.campaign.approvals.create(approver=shop.approver, digest=digest, content=content, audience_size=size)

    delivery.start(shop.campaign.pk)

    arms = dict(Assignment.objects.values_list("customer_id", "reason"))
    assert [arms[person.pk] for person in shop.people] == ["suppressed", "suppressed", "", ""]


def test_who_withdraws_after_it_has_to_come_off_and_stands_on_the_next_file_as_such():
    shop = started("social", people=5)
    ann, ben, cat = shop.people[:3]
    taken(shop, "meta")
    assert queries.due(shop.campaign) == []

    acknowledge(customer_id=ann.pk, channel="social", purpose="marketing", method="page", actor="subject")
    type(cat).objects.filter(pk=cat.pk).update(excluded_at=timezone.now())
    assert handover.sweep() == 1  # the flag; the withdrawal was seen at once

    (due,) = queries.due(shop.campaign)
    assert (due.target, due.people) == ("meta", 2)
    assert {(who, why) for who, why, _ in due.shown} == {(ann.external_id, "withdrawn"), (cat.external_id, "risk")}
    assert due.by > due.since

    parts = taken(shop, "meta")
    assert emails(parts["audience-regular.csv"]) == hashed(ben, *shop.people[3:])
    assert emails(parts["remove.csv"]) == hashed(ann, cat)
    assert queries.due(shop.campaign) == []
    assert emails(taken(shop, "meta")["remove.csv"]) == set()  # once


def test_who_was_erased_has_to_come_off_by_a_whole_new_list():
    shop = started("social", people=3)
    taken(shop, "meta")
    request = requests.receive("erasure", shop.people[0], via="staff")
    requests.verify_by_staff(request.pk, actor=factories.staff("officer"), evidence="passport seen")
    rights.erase(request.pk)

    (due,) = queries.due(shop.campaign)
    assert due.people == 1
    parts = taken(shop, "meta")
    assert emails(parts["audience-regular.csv"]) == hashed(*shop.people[1:])
    assert emails(parts["remove.csv"]) == set() and HandOver.objects.latest("pk").taken_off == 1


def test_a_download_that_breaks_off_leaves_its_people_unknown_and_the_next_file_has_them():
    shop = started("social", people=4)
    _, _, parts = handover.take(shop.campaign, "meta", allowed(shop, "meta").pk, actor=shop.marketer)
    next(parts)
    parts.close()

    assert states(shop) == {"unknown": 4}
    one = HandOver.objects.get()
    assert (one.finished_at, one.digest) == (None, "")
    assert emails(taken(shop, "meta")["audience-regular.csv"]) == hashed(*shop.people)
    assert states(shop) == {"sent": 4}


def test_a_stopped_campaign_gives_a_file_that_takes_everybody_off():
    shop = started("social", people=3)
    taken(shop, "meta")
    Campaign.objects.filter(pk=shop.campaign.pk).update(state="cancelled")
    again(shop)

    parts = taken(shop, "meta")

    assert parts.keys() == {"remove.csv", "about.json"}
    assert emails(parts["remove.csv"]) == hashed(*shop.people)
    assert not Listed.objects.filter(taken_off_in=None).exists()
    with pytest.raises(Refused):
        handover.take(shop.campaign, "sheet", 1, actor=shop.marketer)


# --- past a second person


def test_asked_let_go_and_taken_once_through_the_pages():
    shop = started("social", people=3)
    monitor = reverse("campaigns:monitor", args=[shop.campaign.pk])
    ask = reverse("campaigns:file-ask", args=[shop.campaign.pk, "meta"])
    mara = log_in(shop.marketer)
    page = mara.get(monitor).content.decode()
    assert "Audience lists" in page and "list ready" in page and ask in page

    assert "Say what the file is for" in mara.post(ask, {"export-reason": ""}, follow=True).content.decode()
    mara.post(ask, {"export-reason": "the spring advertisement"})
    found = ExportRequest.objects.get()
    assert (found.what, found.object_id) == (
        f"Meta: customer list of “{shop.campaign.name}”",
        f"{shop.campaign.pk}:meta",
    )
    take = reverse("campaigns:file-take", args=[shop.campaign.pk, "meta", found.pk])
    assert mara.post(take).status_code == 303 and states(shop) == {"queued": 3}
    otto = log_in(factories.staff("officer", "otto"))
    otto.post(reverse("accounts:export-decide", args=[found.pk]), {"decision": "approved", "reason": "it is consented"})
    assert take in mara.get(monitor).content.decode()
    assert otto.post(take).status_code == 303 and states(shop) == {"queued": 3}  # not theirs
    other = reverse("campaigns:file-take", args=[shop.campaign.pk, "google", found.pk])
    assert mara.post(other).status_code == 303 and states(shop) == {"queued": 3}  # let go was the other one

    answer = mara.post(take)
    assert (
        answer["Content-Disposition"]
        == f'attachment; filename="meta-{shop.campaign.pk}-{HandOver.objects.get().pk}.zip"'
    )
    assert zipfile.is_zipfile(io.BytesIO(b"".join(answer.streaming_content)))
    assert states(shop) == {"sent": 3}
    assert mara.post(take).status_code == 303 and HandOver.objects.count() == 1  # once
    trail = AuditEntry.objects.filter(action__startswith="export.").order_by("pk")
    assert list(trail.values_list("action", flat=True)) == ["export.asked", "export.approved", "export.downloaded"]
    page = mara.get(monitor).content.decode()
    assert HandOver.objects.get().digest[:16] in page and "otto" in page


def test_evidence_names_every_file_with_its_digest():
    shop = started("social", people=2)
    taken(shop, "meta")
    with zipfile.ZipFile(of_campaign(shop.campaign, actor=factories.staff("officer"), reason="audit")) as pack:
        facts = json.loads(next(pack.read(name) for name in pack.namelist() if name.endswith("evidence.json")))
    (file,) = facts["files"]
    one = HandOver.objects.get()
    assert (file["sha256"], file["people"], file["taken_by"]) == (one.digest, 2, shop.marketer.username)


# --- advertisements


def test_advertisements_are_approved_with_the_campaign_fit_their_platform_and_lie_beside_the_list():
    shop = started("social", people=3)
    segment = shop.campaign.segments.get()
    texts = {"meta": ("{{ product.title }} for you", "{{ offer }} until {{ ends_on }} at {{ store }}.")}
    texts["google"] = ("{{ product.title }}", "{{ offer }} at {{ store }}.")
    for target, (subject, body) in texts.items():
        AdCopy.objects.create(
            campaign=shop.campaign, segment=segment, target=target, subject=subject, body=body, writer="template"
        )
    assert len(ads.briefs(shop.campaign)) == 2
    assert {brief.channel: (brief.limits.subject, brief.limits.body) for _, _, brief in ads.briefs(shop.campaign)} == {
        "meta_ads": (40, 125), "google_ads": (30, 90),
    }  # fmt: skip
    Campaign.objects.filter(pk=shop.campaign.pk).update(state="in_review")
    again(shop)
    before, content, _ = approval.digest_of(shop.campaign)
    assert [one["target"] for one in content["ads"]] == ["google", "meta"]
    meta = AdCopy.objects.get(target="meta", is_current=True)
    mara = log_in(shop.marketer)
    review = mara.get(reverse("campaigns:review", args=[shop.campaign.pk])).content.decode()
    assert 'value="Rye rolls for you"' in review and "15% off until" in review

    page = reverse("campaigns:ad", args=[shop.campaign.pk, meta.pk])
    refused = mara.post(page, {"subject": "A much longer headline than forty signs are for anybody", "body": meta.body})
    assert refused.status_code == 409 and "length" in refused.content.decode()
    assert approval.digest_of(shop.campaign)[0] == before
    good = {"subject": "{product}, {offer}", "body": "Get {product} at {store}: {offer} until {end}."}
    assert mara.post(page, good).status_code == 303
    assert AuditEntry.objects.get(action="ad.edited").actor == shop.marketer
    assert approval.digest_of(shop.campaign)[0] != before

    Campaign.objects.filter(pk=shop.campaign.pk).update(state="sending")
    again(shop)
    assert "Get Rye rolls at Attune demo store: 15% off until" in taken(shop, "meta")["advertisement.txt"]


# --- coupons


def pdf_text(data: bytes) -> str:
    """What the pages draw, read out of the PDF's streams by hand: ASCII85 and deflate, then the strings."""
    import base64

    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    drawn = b"".join(zlib.decompress(base64.a85decode(s.strip().removesuffix(b"~>"))) for s in streams)
    return "\n".join(found.decode("latin-1") for found in re.findall(rb"\((.*?)\) Tj", drawn))


def test_a_sheet_has_a_coupon_for_each_with_code_offer_products_and_no_name():
    shop = started("store", people=12, codes="unique")
    people.add_contact_points([NewContact(shop.people[0].pk, "loyalty", "9912345678")])

    parts = taken(shop, "sheet")

    (sheet,) = [data for name, data in parts.items() if name.endswith(".pdf")]
    text = pdf_text(sheet)
    given = list(CouponCode.objects.filter(campaign=shop.campaign).values_list("code", flat=True))
    assert len(given) == 12 and all(text.count(code) == 1 for code in given)
    assert sheet.count(b"/Type /Page\n") == 2  # ten on a page
    assert text.count("15% off") == 12 and text.count("Rye rolls, $2.50") == 12 and "until " in text
    assert text.count("5678") == 1 and text.count("Regular") == 11 and "9912345678" not in text
    assert not any(person.external_id in text for person in shop.people) and "example.invalid" not in text
    assert states(shop) == {"sent": 12}


def test_bars_are_code_128_of_the_code():
    from campaigns.channels.sheet import BAR, bars

    drawn = bars("A1", 0.0, 500.0)
    modules = []
    at = 0.0
    for left, width in drawn:
        modules += [0] * round((left - at) / BAR) + [1] * round(width / BAR)
        at = left + width
    # ISO/IEC 15417: start B 104, A 33, 1 17, check (104 + 33 + 2 * 17) % 103 = 68, stop; patterns of the standard's table 1.
    table = {104: "211214", 33: "111323", 17: "123221", 68: "141221", "stop": "2331112"}
    wanted = []
    for symbol in (104, 33, 17, 68, "stop"):
        for place, width in enumerate(table[symbol]):
            wanted += [1 - place % 2] * int(width)
    assert modules == wanted


def test_the_review_shows_the_first_page_as_it_will_be_printed():
    shop = started("store", people=12, codes="unique")
    page = log_in(shop.approver).get(reverse("campaigns:review", args=[shop.campaign.pk])).content.decode()
    svg = page[page.index('<svg class="paper"') :]
    svg = svg[: svg.index("</svg>")]
    assert svg.count(">ABCDE-FGHJK</text>") == 10 and svg.count(">15% off</text>") == 10 and "style=" not in svg
    assert not any(person.external_id in svg for person in shop.people)


def test_the_till_gets_its_codes_and_no_formula():
    shop = started("store", people=4, codes="unique")
    CouponCode.objects.filter(pk=CouponCode.objects.first().pk).update(code="=HYPERLINK(1)")

    rows = list(csv.DictReader(io.StringIO(taken(shop, "till")["till"])))

    offer = shop.campaign.offer
    assert len(rows) == 4 and {row["code"] for row in rows} >= {"'=HYPERLINK(1)"}
    terms = {(r["offer_type"], float(r["value"]), r["currency"], r["valid_to"], r["max_uses"]) for r in rows}
    assert terms == {("percent", 15.0, offer.currency, offer.ends_at.date().isoformat(), "1")}
    assert states(shop) == {"queued": 4}  # the codes are not the paper


def test_a_code_from_the_till_is_redeemed_once_and_counts_for_the_campaign():
    shop = started("store", people=4, codes="unique")
    taken(shop, "sheet")
    code = CouponCode.objects.filter(campaign=shop.campaign).select_related("customer").first()
    product = factories.product()

    def bought(order: str, coupon: str):
        return {
            "type": "track", "event": "Order Completed", "messageId": f"m-{order}", "userId": code.customer.external_id,
            "timestamp": timezone.now().isoformat(), "context": {"channel": "store"},
            "properties": {"order_id": order, "total": 9.0, "currency": "USD", "coupon": coupon,
                           "products": [{"product_id": product.external_id, "quantity": 1, "price": 9.0}]},
        }  # fmt: skip

    receipt = record_events(
        [bought("o-1", code.code), bought("o-2", code.code.lower())], merchant_id=None, source="api"
    )
    assert receipt.accepted == 2, receipt
    assert (codes.redeem(), codes.redeem()) == (1, 0)
    record_events([bought("o-3", code.code)], merchant_id=None, source="api")
    assert codes.redeem() == 0

    row = Redemption.objects.get()
    assert (row.code, row.order.external_id, row.order.channel) == (code, "o-1", "store")
    assert Order.objects.filter(coupon__iexact=code.code).count() == 3
    assert measurement.results(shop.campaign).funnel.redeemed == 1


# --- size


def test_a_hundred_thousand_rows_stream_within_a_few_megabytes():
    shop = started("social", people=2)
    n = 100_000
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_customer (external_id, is_provisional, attributes, language, timezone, jurisdiction,"
            " personalise, excluded_reason, origin) SELECT 'bulk-' || i, false, '{}', 'en', '', '', true, '', 'observed'"
            " FROM generate_series(1, %s) i",
            [n],
        )
        cursor.execute(
            "INSERT INTO campaigns_message (campaign_id, customer_id, channel, variant_id, state, reason, tries,"
            " provider_id, error, wave) SELECT %s, c.id, 'social', %s, 'queued', '', 0, '', '', 1"
            " FROM customers_customer c WHERE c.external_id LIKE 'bulk-%%'",
            [shop.campaign.pk, shop.campaign.variants.get().pk],
        )
        cursor.execute(
            "INSERT INTO campaigns_couponcode (campaign_id, offer_id, code, origin)"
            " SELECT %s, %s, 'C-' || i, 'observed' FROM generate_series(1, %s) i",
            [shop.campaign.pk, shop.campaign.offer_id, n],
        )
    _, _, people_file = handover.take(shop.campaign, "meta", allowed(shop, "meta").pk, actor=shop.marketer)
    Campaign.objects.filter(pk=shop.campaign.pk).update(channels=["social", "store"])
    again(shop)
    _, _, till_file = handover.take(shop.campaign, "till", allowed(shop, "till").pk, actor=shop.marketer)
    tracemalloc.start()
    assert sum(len(part) for part in people_file) > 0
    size = sum(len(part) for part in till_file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert states(shop) == {"sent": 2, "skipped": n}  # those of the bulk never agreed
    assert size > 4_900_000 and peak < 4_000_000
