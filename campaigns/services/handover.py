"""Files of the channels that send no message by themselves: an audience list, coupon sheets, the codes for the till.

A file is made while it is taken and kept nowhere. Everybody is asked about once more in the moment in which they are
written, so whoever withdrew since the approval is not in it. A row is under way from the moment its line is made until
the last byte is out; where the download breaks off it is unknown, and the next file holds it again: a list is whole each
time, and nobody hears anything twice by it.
"""

import hashlib
import io
import json
import logging
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.exceptions import Refused
from accounts.services import claim_export, csv_lines
from campaigns.channels import audience as formats
from campaigns.channels import sheet
from campaigns.contracts import AudienceContact, Coupon
from campaigns.models import AudienceMember, Campaign, CouponCode, HandOver, Listed, Message, Segment, Target
from campaigns.queries.audience import newest_entries
from campaigns.queries.handover import JUDGED, TARGETS, judged_by
from campaigns.services import ads
from campaigns.services.codes import codes_of
from campaigns.services.messages import money, offer_end, offer_words, on_sale, shown_of
from campaigns.state import CampaignState, MessageState
from customers.services.matching import card_ends, matchable

log = logging.getLogger(__name__)

EXPORT_KIND = "campaigns.handover"
BLOCK = 2_000  # people a statement: some megabytes of memory, whatever the file holds
PDF_PAGES = 100  # of one PDF: a PDF is whole in memory, so a thousand coupons a file
LEASE = timedelta(hours=1)  # a million lines take some minutes; a slow line is given the rest
OPEN = (CampaignState.SENDING, CampaignState.RUNNING, CampaignState.SENT)
TILL_HEADER = ("code", "offer_type", "value", "currency", "valid_from", "valid_to", "max_uses")

# A block of a segment's people in the order of their ids, by index message_once_an_entry, with what the last question says of
# each; rows that nobody has taken yet and that may not go are closed, those that may go are under way.
TAKE = f"""
WITH block AS MATERIALIZED (
    SELECT m.id, m.customer_id, v.segment_id FROM campaigns_message m
    JOIN campaigns_messagevariant v ON v.id = m.variant_id
    WHERE m.campaign_id = %(campaign)s AND m.channel = %(channel)s AND m.customer_id > %(after)s
    ORDER BY m.customer_id LIMIT %(block)s
), asked AS MATERIALIZED (
    SELECT m.id, m.state, m.customer_id, m.contact_point_id AS contact_id
    FROM campaigns_message m JOIN block b ON b.id = m.id
    WHERE b.segment_id = %(segment)s AND m.state IN ('queued', 'sent', 'unknown') ORDER BY m.id FOR UPDATE OF m
), judged AS MATERIALIZED ({JUDGED}), closed AS (
    UPDATE campaigns_message m SET state = 'skipped', reason = j.reason FROM judged j
    WHERE m.id = j.id AND j.state = 'queued' AND j.reason <> ''
), begun AS (
    UPDATE campaigns_message m SET state = 'sending', reason = '', lease_token = %(token)s, lease_until = now() + %(lease)s,
                                   attempted_at = now(), tries = LEAST(m.tries + 1, 1000)
    FROM judged j WHERE m.id = j.id AND j.state IN ('queued', 'unknown') AND j.reason = ''
)
SELECT (SELECT max(customer_id) FROM block), j.customer_id, j.contact_id FROM judged j WHERE j.reason = ''
UNION ALL SELECT max(customer_id), NULL, NULL FROM block
ORDER BY 2 NULLS LAST
"""  # noqa: S608 - JUDGED is a constant
# The same of who is held out and had the channel open: whom the advertisement must not be shown to.
HELD_OUT = f"""
WITH asked AS MATERIALIZED (
    SELECT t.customer_id, (SELECT c.id FROM customers_contactpoint c
                           WHERE c.customer_id = t.customer_id AND c.kind = %(kind)s ORDER BY c.id DESC LIMIT 1) AS contact_id
    FROM campaigns_assignment t
    WHERE t.campaign_id = %(campaign)s AND t.arm = 'holdout' AND t.segment_id = %(segment)s AND t.customer_id > %(after)s
      AND NOT EXISTS (SELECT FROM campaigns_exclusion e WHERE e.campaign_id = t.campaign_id
                      AND e.customer_id = t.customer_id AND e.channel = %(channel)s)
    ORDER BY t.customer_id LIMIT %(block)s
), judged AS ({JUDGED})
SELECT (SELECT max(customer_id) FROM asked), j.customer_id, j.contact_id FROM judged j WHERE j.reason = ''
UNION ALL SELECT max(customer_id), NULL, NULL FROM asked
ORDER BY 2 NULLS LAST
"""  # noqa: S608 - JUDGED is a constant
LIST = """
INSERT INTO campaigns_listed (campaign_id, customer_id, target, is_held_out, contact_point_id, listed_in_id, reason)
SELECT %(campaign)s, p.customer_id, %(target)s, %(held_out)s, p.contact_id, %(hand_over)s, ''
FROM unnest(%(customers)s::bigint[], %(contacts)s::bigint[]) AS p (customer_id, contact_id)
ON CONFLICT (campaign_id, target, customer_id) DO UPDATE SET listed_in_id = EXCLUDED.listed_in_id, ended_at = NULL,
    reason = '', taken_off_in_id = NULL, contact_point_id = EXCLUDED.contact_point_id, is_held_out = EXCLUDED.is_held_out
"""
# Who stands on a list and may not any more. `fresh`: of those only whose consent or address changed within the hour.
ENDED = f"""
WITH asked AS MATERIALIZED (
    SELECT l.customer_id, l.contact_point_id AS contact_id FROM campaigns_listed l
    WHERE l.campaign_id = %(campaign)s AND l.target = %(target)s AND l.taken_off_in_id IS NULL AND l.ended_at IS NULL
      AND l.customer_id > %(after)s ORDER BY l.customer_id LIMIT %(block)s
), judged AS MATERIALIZED ({JUDGED}), ended AS (
    UPDATE campaigns_listed l SET ended_at = now(), reason = j.reason FROM judged j
    WHERE l.campaign_id = %(campaign)s AND l.target = %(target)s AND l.customer_id = j.customer_id AND j.reason <> ''
    RETURNING l.id
)
SELECT (SELECT max(customer_id) FROM asked), (SELECT count(*) FROM ended)
"""  # noqa: S608 - JUDGED is a constant


@dataclass
class Taking:
    """One file on its way out."""

    campaign: Campaign
    channel: str
    target: str
    hand_over: HandOver
    token: uuid.UUID


def object_id(campaign_id: int, target: str) -> str:
    return f"{campaign_id}:{target}"


def channel_of(target: str) -> str:
    """Raises KeyError for what no file is made of."""
    return next(channel for channel, targets in TARGETS.items() if target in targets)


def why_not(campaign: Campaign, target: str) -> str:
    """Why no file of this kind can be taken now; "" when it can."""
    if channel_of(target) not in campaign.channels:
        return "The campaign is not on this channel."
    if campaign.state == CampaignState.PAUSED:
        return "The campaign is paused: let it go on first."
    is_withdrawn = campaign.state == CampaignState.CANCELLED and target in (Target.META, Target.GOOGLE)
    if campaign.state not in OPEN and not is_withdrawn:
        return "The list is made when the campaign has started."
    return ""


def take(campaign: Campaign, target: str, request_id: int, *, actor) -> tuple[str, str, Iterator[bytes]]:
    """(file name, content type, the bytes) of an approved request, claimed here. Raises Refused."""
    wrong = why_not(campaign, target)
    if wrong:
        raise Refused("not_ready", wrong)
    channel = channel_of(target)
    with transaction.atomic():
        claim_export(request_id, actor, kind=EXPORT_KIND, object_id=object_id(campaign.pk, target))
        hand_over = HandOver.objects.create(
            campaign=campaign, channel=channel, target=target, request_id=request_id, taken_by=actor
        )
    taking = Taking(campaign, channel, target, hand_over, uuid.uuid4())
    make = {Target.TILL: _till, Target.SHEET: _sheets}.get(target, _lists)
    name = f"{target}-{campaign.pk}-{hand_over.pk}"
    if target == Target.TILL:
        return f"{name}.csv", "text/csv; charset=utf-8", _watched(taking, make)
    return f"{name}.zip", "application/zip", _watched(taking, make)


def _watched(taking: Taking, make: Callable[[Taking], Iterator[bytes]]) -> Iterator[bytes]:
    """The bytes as they are, counted and digested; what became of the rows is decided when the last one is out."""
    hasher, size = hashlib.sha256(), 0
    done = False
    try:
        for part in make(taking):
            hasher.update(part)
            size += len(part)
            yield part
        done = True
    finally:
        rows = Message.objects.filter(campaign=taking.campaign, lease_token=taking.token, state=MessageState.SENDING)
        now = timezone.now()
        with transaction.atomic():
            if done:
                rows.update(state=MessageState.SENT, sent_at=now, lease_token=None, lease_until=None)
                one = taking.hand_over
                one.size, one.digest, one.finished_at = size, hasher.hexdigest(), now
                one.save(update_fields=["people", "held_out", "taken_off", "size", "digest", "finished_at"])
            else:
                rows.update(state=MessageState.UNKNOWN, reason="broken_off", lease_token=None, lease_until=None)
                # Who was to be taken off by it still has to be.
                Listed.objects.filter(taken_off_in=taking.hand_over).update(taken_off_in=None)
        if not done:
            log.warning("hand-over %s of campaign %s broke off", taking.hand_over.pk, taking.campaign.pk)


# --- people, block by block


def _segments(campaign: Campaign) -> list[Segment]:
    return [part.segment for part in campaign.campaign_segments.select_related("segment")]


def _people(taking: Taking, segment: Segment, sql: str = TAKE) -> Iterator[list[tuple[int, int | None]]]:
    """Blocks of (customer, contact point) who may be in the file now; each block is one committed statement."""
    parameters = judged_by(taking.channel) | {
        "campaign": taking.campaign.pk, "channel": taking.channel, "segment": segment.pk, "block": BLOCK,
        "token": taking.token, "lease": LEASE,
    }  # fmt: skip
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters | {"after": after})
            rows = cursor.fetchall()
        if not rows or rows[0][0] is None:
            return
        after = rows[0][0]
        found = [(customer, contact) for _, customer, contact in rows if customer is not None]
        if found:
            yield found


# --- audience lists


def _lists(taking: Taking) -> Iterator[bytes]:
    with _Zip() as archive:
        files = []
        if taking.campaign.state in OPEN:
            for segment in _segments(taking.campaign):
                for part, held_out in (("audience", False), ("exclude", True)):
                    name = f"{part}-{segment.slug}.csv"
                    yield from archive.add(
                        name, formats.lines(taking.target, _contacts(taking, segment, held_out)), files
                    )
        yield from archive.add("remove.csv", formats.lines(taking.target, _to_take_off(taking)), files)
        words = _ad_words(taking)
        if words:
            yield from archive.add("advertisement.txt", iter([words]), files)
        yield from archive.add("about.json", iter([_about(taking, files)]), [])
        yield from archive.end()


def _contacts(taking: Taking, segment: Segment, held_out: bool) -> Iterator[AudienceContact]:
    for block in _people(taking, segment, HELD_OUT if held_out else TAKE):
        found = matchable({customer: contact for customer, contact in block if contact is not None})
        with connection.cursor() as cursor:
            cursor.execute(LIST, {
                "campaign": taking.campaign.pk, "target": taking.target, "held_out": held_out,
                "hand_over": taking.hand_over.pk, "customers": list(found),
                "contacts": [contact for customer, contact in block if customer in found],
            })  # fmt: skip
        if held_out:
            taking.hand_over.held_out += len(found)
        else:
            taking.hand_over.people += len(found)
        yield from (AudienceContact(one.email, one.phone, one.country) for one in found.values())


def _to_take_off(taking: Taking) -> Iterator[AudienceContact]:
    """Everybody who stood on an earlier list of this platform and is not on this one."""
    mark_ended(taking.campaign.pk, taking.target)
    after = 0
    while True:
        rows = Listed.objects.filter(campaign=taking.campaign, target=taking.target, taken_off_in=None)
        if taking.campaign.state != CampaignState.CANCELLED:
            rows = rows.exclude(listed_in=taking.hand_over, ended_at=None)
        rows = rows.filter(customer_id__gt=after).order_by("customer_id")
        block = list(rows.values_list("pk", "customer_id", "contact_point_id")[:BLOCK])
        if not block:
            return
        after = block[-1][1]
        Listed.objects.filter(pk__in=[pk for pk, _, _ in block]).update(taken_off_in=taking.hand_over)
        taking.hand_over.taken_off += len(block)
        # Of an erased person nothing is left that could be hashed: the whole list takes their place at the platform.
        found = matchable({customer: contact for _, customer, contact in block if contact is not None})
        yield from (AudienceContact(one.email, one.phone, one.country) for one in found.values())


def mark_ended(campaign_id: int, target: str) -> int:
    """Marks who stands on the platform's list and may not any more; returns how many are new."""
    parameters = judged_by(channel_of(target)) | {"campaign": campaign_id, "target": target, "block": BLOCK}
    after, found = 0, 0
    while after is not None:
        with connection.cursor() as cursor:
            cursor.execute(ENDED, parameters | {"after": after})
            after, ended = cursor.fetchone()
        found += ended
    return found


def sweep() -> int:
    """The same for every list that was ever taken; returns how many have to be taken off since the last time."""
    lists = HandOver.objects.filter(target__in=TARGETS["social"]).values_list("campaign_id", "target").distinct()
    return sum(mark_ended(campaign_id, target) for campaign_id, target in lists.order_by("campaign_id", "target"))


def _ad_words(taking: Taking) -> str:
    return "\n\n".join(
        f"{one.row.segment.name}\n{one.subject}\n{one.body}"
        for one in ads.shown(taking.campaign)
        if one.row.target == taking.target and not one.refused
    )


def _about(taking: Taking, files: list[dict]) -> str:
    """The mark of this one file: which hand-over it is, who took it, on whose word, and the digest of each part."""
    one = taking.hand_over
    return json.dumps(
        {
            "hand_over": one.pk, "campaign": taking.campaign.name, "for": Target(taking.target).label,
            "taken_by": one.taken_by.get_username(),
            "allowed_by": one.request.decided_by and one.request.decided_by.get_username(),
            "taken_at": timezone.now().isoformat(timespec="seconds"),
            "how": "Replace the audience with audience-*.csv and exclude exclude-*.csv from the advertisement; where a list "
            "can only be added to, upload remove.csv as the people to remove.",
            "files": files,
        },
        indent=2, ensure_ascii=False,
    )  # fmt: skip


# --- coupons


def _sheets(taking: Taking) -> Iterator[bytes]:
    with _Zip() as archive:
        files: list[dict] = []
        number, coupons = 0, []
        for segment in _segments(taking.campaign):
            for block in _people(taking, segment):
                coupons += _coupons(taking.campaign, segment, [customer for customer, _ in block])
                while len(coupons) >= PDF_PAGES * sheet.A_PAGE:
                    number += 1
                    ready, coupons = coupons[: PDF_PAGES * sheet.A_PAGE], coupons[PDF_PAGES * sheet.A_PAGE :]
                    yield from archive.add(f"coupons-{number:04}.pdf", iter([_pdf(taking, ready)]), files)
        if coupons:
            yield from archive.add(f"coupons-{number + 1:04}.pdf", iter([_pdf(taking, coupons)]), files)
        yield from archive.add("about.json", iter([_about_sheets(taking, files)]), [])
        yield from archive.end()


def _coupons(campaign: Campaign, segment: Segment, customer_ids: list[int]) -> list[Coupon]:
    """A coupon each, for whoever has a code, in the order of the ids; a constant number of queries."""
    codes, cards = codes_of(campaign, customer_ids), card_ends(customer_ids)
    members = newest_entries(campaign, customer_ids)
    items = dict(members.values_list("customer_id", "items"))
    products = on_sale({product for row in items.values() for product in row})
    return [
        Coupon(
            code=codes[pk],
            holder=f"•••• {cards[pk]}" if pk in cards else segment.name,
            lines=_lines(shown_of(items.get(pk, []), products)),
            **face(campaign),
        )
        for pk in customer_ids
        if codes.get(pk)
    ]


def face(campaign: Campaign) -> dict[str, str]:
    """What stands on every coupon of a campaign."""
    store = campaign.merchant.name if campaign.merchant else settings.BRAND
    ends = f"{offer_end(campaign.offer)}, {campaign.offer.ends_at:%Y}" if campaign.offer else ""
    title = campaign.offer.title if campaign.offer else ""
    return {"title": store, "offer": offer_words(campaign.offer) or title, "ends_on": f"until {ends}" if ends else ""}


def _lines(products) -> tuple[str, ...]:
    return tuple(f"{p.title}, {money(p.price, p.currency)}" if p.price is not None else p.title for _, p in products)


def _pdf(taking: Taking, coupons: list[Coupon]) -> bytes:
    taking.hand_over.people += len(coupons)
    one = taking.hand_over
    once = " Each code is good once." if taking.campaign.codes == "unique" else ""
    foot = f"Print {one.pk} of campaign {taking.campaign.pk}, taken by {one.taken_by.get_username()}.{once}"
    pages = [sheet.page(coupons[at : at + sheet.A_PAGE], foot) for at in range(0, len(coupons), sheet.A_PAGE)]
    return sheet.pdf(pages, taking.campaign.name)


def _about_sheets(taking: Taking, files: list[dict]) -> str:
    said = json.loads(_about(taking, files))
    said["how"] = "Print on A4 at 100 %, cut along the dashes. The till reads the bars (Code 128) or the code as text."
    return json.dumps(said, indent=2, ensure_ascii=False)


def preview(campaign: Campaign, sample: str) -> sheet.Picture:
    """The first page of the sheet as it would be printed now, each code as a sample: codes are made at the start."""
    coupons: list[Coupon] = []
    for segment in _segments(campaign):
        rows = AudienceMember.objects.filter(campaign=campaign, segment=segment).order_by("customer_id")
        members = list(rows[: sheet.A_PAGE - len(coupons)])
        products = on_sale({product for row in members for product in row.items})
        cards = card_ends([row.customer_id for row in members])
        coupons += [
            Coupon(
                code=sample,
                holder=f"•••• {cards[row.customer_id]}" if row.customer_id in cards else segment.name,
                lines=_lines(shown_of(row.items, products)),
                **face(campaign),
            )
            for row in members
        ]
        if len(coupons) >= sheet.A_PAGE:
            break
    return sheet.picture(sheet.page(coupons))


def _till(taking: Taking) -> Iterator[bytes]:
    offer = taking.campaign.offer
    terms = () if offer is None else (
        offer.kind, offer.value, offer.currency, offer.starts_at.date().isoformat(), offer.ends_at.date().isoformat(),
    )  # fmt: skip

    def rows() -> Iterator[tuple]:
        after = 0
        while True:
            found = CouponCode.objects.filter(campaign=taking.campaign, pk__gt=after).order_by("pk")
            block = list(found.values_list("pk", "code", "customer_id")[:BLOCK])
            if not block:
                return
            after = block[-1][0]
            taking.hand_over.people += len(block)
            # A code of one's own is good once, also when its person was erased since; a shared one as often as it is shown.
            is_single = taking.campaign.codes == "unique"
            yield from ((code, *terms, 1 if is_single else "") for _, code, _ in block)

    for line in csv_lines(TILL_HEADER, rows()):
        yield line.encode()


# --- a ZIP file that is written as it is read


class _Zip:
    """Hands out the bytes of an archive while it is written, so that no file has to be whole anywhere."""

    def __init__(self):
        self._out = _Pipe()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def __enter__(self) -> "_Zip":
        return self

    def __exit__(self, *error) -> None:
        self._zip.fp = None  # ended by end(), or broken off: nothing more is written

    def add(self, name: str, parts: Iterable[str | bytes], files: list[dict]) -> Iterator[bytes]:
        """One file of the archive; its name, digest and lines are noted in `files`."""
        hasher, lines = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as file:
            for part in parts:
                data = part.encode() if isinstance(part, str) else part
                hasher.update(data)
                lines += 1
                file.write(data)
                if self._out.waiting >= 1 << 16:
                    yield self._out.drain()
        files.append(
            {"name": name, "sha256": hasher.hexdigest()} | ({"people": lines - 1} if name.endswith(".csv") else {})
        )
        yield self._out.drain()

    def end(self) -> Iterator[bytes]:
        self._zip.close()
        yield self._out.drain()


class _Pipe(io.RawIOBase):
    """A file that can only be written to: zipfile then writes each part's sizes behind it."""

    def __init__(self):
        self._parts: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._parts.append(bytes(data))
        self.waiting += len(data)
        return len(data)

    def drain(self) -> bytes:
        whole, self._parts, self.waiting = b"".join(self._parts), [], 0
        return whole
