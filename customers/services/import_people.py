"""People with their contact points, attributes and consent, a line each; a person may have several lines."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from customers.contracts import (
    ALLOWING,
    NOES,
    Action,
    Channel,
    LawfulBasis,
    NewConsent,
    NewContact,
    NewCustomer,
    Purpose,
)
from customers.exceptions import ConsentRefused, InvalidContact
from customers.identity import normalise, region_of
from customers.models import ConsentState, ContactPoint, Customer, ImportedRow, Notice
from customers.queries.people import standing
from customers.services import consent, people, shells, succession
from customers.services.import_fields import ATTRIBUTE, MAX_VALUE, BadLine, bad_contact, is_zone, moment, text
from customers.services.import_take import Brought, Line, Taken, Way

CONTACTS = ("email", "phone", "loyalty", "social", "web", "app", "push", "device")
VERIFIED = {"email": "email_verified_at", "phone": "phone_verified_at"}
What = ImportedRow.What


@dataclass(frozen=True, slots=True)
class _Person:
    line: int
    customer: NewCustomer
    contacts: tuple[tuple[str, str, object], ...]  # (kind, as typed, verified at)
    consent: dict = field(default_factory=dict)


def take(lines: list[Line], way: Way) -> Taken:
    """Takes each line whole or not at all. Raises nothing for what a line holds."""
    taken = Taken()
    read = _read(lines, way, taken)
    # What the ledger alone can refuse: the block goes in without those lines.
    refused = _refused_by_ledger(read)
    for line, bad in refused.items():
        taken.refuse(line, bad)
    read = [one for one in read if one.line not in refused]
    with transaction.atomic():
        _store(read, way, taken)
    return taken


def _refused_by_ledger(read: list[_Person]) -> dict[int, BadLine]:
    """The lines whose word may not follow what the person said last: no import revives what somebody ended."""
    saying = [one for one in read if one.consent]
    if not saying:
        return {}
    names = {one.customer.external_id for one in saying}
    rows = Customer.objects.filter(external_id__in=names).values_list("external_id", "pk")
    ids = dict(rows)
    now = standing(ids.values())
    words = succession.last_words({*ids.values(), *now.values()})
    refused = {}
    for one in saying:
        pk = ids.get(one.customer.external_id, 0)  # 0: nobody yet, who has said nothing
        try:
            succession.check([NewConsent(customer_id=now.get(pk, pk), **one.consent)], words)
        except ConsentRefused:
            refused[one.line] = BadLine(
                "consent", "An import does not revive what this person ended.", "Leave the consent of this line out."
            )
    return refused


def _read(lines: list[Line], way: Way, taken: Taken) -> list[_Person]:
    names = {line.values.get("customer", "").strip() for line in lines}
    known = {
        name: (jurisdiction, erased_at)
        for name, jurisdiction, erased_at in Customer.objects.filter(external_id__in=names).values_list(
            "external_id", "jurisdiction", "erased_at"
        )
    }
    versions = {line.values.get("consent_notice", "").strip() for line in lines}
    notices = set(Notice.objects.filter(version__in=versions).values_list("version", flat=True))
    read = []
    for line in lines:
        try:
            read.append(_person(line, way, known, notices))
        except BadLine as bad:
            taken.refuse(line.number, bad)
    return read


def _person(line: Line, way: Way, known: dict, notices: set[str]) -> _Person:
    values = line.values
    name = text(values, "customer", 64, required=True)
    kept, erased_at = known.get(name, ("", None))
    if erased_at is not None:
        raise BadLine("customer", "This person was erased at their own request.", "Leave them out of your files.")
    jurisdiction = text(values, "jurisdiction", 8)
    zone = text(values, "timezone", 40)
    if zone and not is_zone(zone):
        raise BadLine("timezone", "There is no such time zone.", "Write it as Europe/Zurich.")
    customer = NewCustomer(
        name,
        attributes={
            key.removeprefix(ATTRIBUTE): text(values, key, MAX_VALUE)
            for key in values
            if key.startswith(ATTRIBUTE) and values[key].strip()
        },
        language=text(values, "language", 8) or "en",
        timezone=zone,
        jurisdiction=jurisdiction,
        first_seen_at=_moment(values, "first_seen_at", way),
        origin=way.origin,
    )
    region = region_of(jurisdiction, kept, settings.PHONE_REGION)
    contacts = tuple(_contact(values, kind, region, way) for kind in CONTACTS if values.get(kind, "").strip())
    return _Person(line.number, customer, contacts, _consent(values, way, notices))


def _moment(values: dict[str, str], name: str, way: Way):
    given = text(values, name, 40)
    return moment(given, name, way.zone) if given else None


def _contact(values: dict[str, str], kind: str, region: str, way: Way) -> tuple[str, str, object]:
    verified_at = _moment(values, VERIFIED[kind], way) if kind in VERIFIED else None
    try:
        return kind, normalise(kind, values[kind], region), verified_at
    except InvalidContact as refusal:
        raise bad_contact(kind, refusal) from None


def _consent(values: dict[str, str], way: Way, notices: set[str]) -> dict:
    """The act that a line reports, or {}. It comes with its basis and its source, or the line is refused."""
    said = text(values, "consent", 10).casefold()
    if not said:
        return {}
    if said not in ("yes", "no"):
        raise BadLine("consent", "It is neither yes nor no.", "Leave it empty for whoever was not asked.")
    purpose = _word(values, "consent_purpose", Purpose)
    channel = _word(values, "consent_channel", Channel)
    basis = _word(values, "consent_basis", LawfulBasis)
    source = text(values, "consent_source", 40, required=True)
    notice = text(values, "consent_notice", 40)
    if notice and notice not in notices:
        raise BadLine("consent_notice", "No wording of this version is published.", "Publish it first.")
    if said == "yes" and basis == LawfulBasis.CONSENT and not notice:
        raise BadLine("consent_notice", "It is empty.", "A consent names the version of the wording that was shown.")
    return {
        "purpose": purpose, "channel": channel, "lawful_basis": basis,
        "action": Action.IMPORTED if said == "yes" else Action.REFUSED, "method": source,
        "actor": f"import:{way.batch_id}", "origin": way.origin, "notice_version": notice,
        "language": text(values, "language", 8), "jurisdiction": text(values, "jurisdiction", 8),
        "valid_until": _moment(values, "consent_until", way),
    }  # fmt: skip


def _word(values: dict[str, str], name: str, words) -> str:
    given = text(values, name, 40, required=True).casefold()
    if given not in list(words):
        raise BadLine(name, "It is none of the words that the ledger knows.", f"Use one of {', '.join(words)}.")
    return given


def _store(read: list[_Person], way: Way, taken: Taken) -> None:
    merged = _merged(read)
    names = [person.external_id for person in merged]
    fields = ("external_id", "pk", "attributes", "first_seen_at")
    before = {name: row for name, *row in Customer.objects.filter(external_id__in=names).values_list(*fields)}
    if any(one.consent for one in read):
        # Before attributes take some rows and consent others: two files at once wait here and do not cross.
        shells.hold((pk for pk, *_ in before.values()), to_change=True)
    ids = people.import_customers(merged)
    made = {pk for name, pk in ids.items() if name not in before}
    changed: set[int] = set()
    taken.brought += [Brought(What.CUSTOMER, row_id=pk, customer_id=pk) for pk in sorted(made)]
    after = Customer.objects.in_bulk([pk for name, pk in ids.items() if name in before])
    for name, (pk, attributes, first_seen_at) in before.items():
        row = after.get(ids[name])
        if row is None or row.pk != pk:
            continue  # merged since: what is said of it goes to its person
        differs = {
            key: pair
            for key, pair in (
                ("attributes", [attributes, row.attributes]),
                ("first_seen_at", [_iso(first_seen_at), _iso(row.first_seen_at)]),
            )
            if pair[0] != pair[1]
        }
        if differs:
            changed.add(pk)
            taken.brought.append(Brought(What.ATTRIBUTES, row_id=pk, customer_id=pk, before=differs))
    changed |= _add_contacts(read, ids, way, taken)
    changed |= _record(read, ids, {name: pk for name, (pk, *_) in before.items() if ids[name] != pk}, taken)
    if way.is_list:
        people_of_block = dict.fromkeys(ids[one.customer.external_id] for one in read)
        taken.brought += [Brought(What.LISTED, customer_id=pk) for pk in people_of_block]
    for one in read:
        is_news = ids[one.customer.external_id] in made | changed
        taken.taken += is_news
        taken.known += not is_news


def _merged(read: list[_Person]) -> list[NewCustomer]:
    """One row a person of the block: attributes of all their lines, the earliest first day."""
    by_name: dict[str, NewCustomer] = {}
    for one in read:
        new, old = one.customer, by_name.get(one.customer.external_id)
        if old is not None:
            days = [day for day in (old.first_seen_at, new.first_seen_at) if day is not None]
            new = NewCustomer(
                new.external_id, old.attributes | new.attributes, old.language, old.timezone or new.timezone,
                old.jurisdiction or new.jurisdiction, min(days, default=None), new.origin,
            )  # fmt: skip
        by_name[new.external_id] = new
    return list(by_name.values())


def _add_contacts(read: list[_Person], ids: dict[str, int], way: Way, taken: Taken) -> set[int]:
    receipt = people.add_contact_points(
        NewContact(ids[one.customer.external_id], kind, value, verified_at=verified_at, origin=way.origin)
        for one in read
        for kind, value, verified_at in one.contacts
    )
    wanted = dict.fromkeys(receipt.verified_ids, What.VERIFIED) | dict.fromkeys(receipt.added_ids, What.CONTACT)
    owners = ContactPoint.objects.filter(pk__in=wanted).values_list("pk", "customer_id")
    taken.brought += [Brought(wanted[pk], row_id=pk, customer_id=owner) for pk, owner in owners]
    return {owner for _, owner in owners}


def _record(read: list[_Person], ids: dict[str, int], old: dict[str, int], taken: Taken) -> set[int]:
    """Records what was not said before: the same file twice says nothing new. `old`: merged records by name."""
    acts = [
        (ids[one.customer.external_id], one.consent | {"came_as": old.get(one.customer.external_id)})
        for one in read
        if one.consent
    ]
    if not acts:
        return set()
    states = ConsentState.objects.filter(customer__in={pk for pk, _ in acts})
    said = {(row.customer_id, row.purpose, row.channel): row.action for row in states}
    news: dict[tuple[int, str, str], dict] = {}
    for pk, act in acts:
        last = said.get((pk, act["purpose"], act["channel"]))
        if not ((act["action"] in ALLOWING and last in ALLOWING) or (act["action"] in NOES and last in NOES)):
            news[pk, act["purpose"], act["channel"]] = act
    consent.record_many(NewConsent(customer_id=pk, **act) for (pk, _, _), act in news.items())
    by_person: dict[int, list] = defaultdict(list)
    for state in ConsentState.objects.filter(customer__in={pk for pk, _, _ in news}):
        by_person[state.customer_id].append(state)
    for (pk, purpose, channel), _ in news.items():
        for state in by_person[pk]:
            if (state.purpose, state.channel) == (purpose, channel):
                taken.brought.append(Brought(What.CONSENT, row_id=state.record_id, customer_id=pk))
    return {pk for pk, _, _ in news}


def _iso(at) -> str | None:
    return at and at.isoformat()
