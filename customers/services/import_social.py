"""Follows, likes, shares and comments: events with names of their own, each once, comments sealed."""

from datetime import datetime

from customers import crypto
from customers.contracts import NewCustomer
from customers.models import Customer, EventKey, ImportedRow, Source
from customers.services import people, seal
from customers.services.events import take_events
from customers.services.import_fields import BadLine, moment, text
from customers.services.import_purchases import records_brought
from customers.services.import_take import Brought, Line, Taken, Way

NAMES = {
    "follow": "Social Account Followed",
    "like": "Social Post Liked",
    "share": "Social Post Shared",
    "comment": "Social Post Commented",
}
PARTS = {"timestamp": "at", "userId": "customer", "post_id": "post", "product_id": "product", "event": "action"}


def take(lines: list[Line], way: Way) -> Taken:
    """Takes in each line for itself. A handle that nobody has gets a provisional record."""
    taken = Taken()
    handles = people.recognise(
        "social", [handle for line in lines if (handle := _handle(line, way))], origin=way.origin
    )
    taken.brought += records_brought(handles.made)
    names = dict(Customer.objects.filter(pk__in=set(handles.ids.values())).values_list("pk", "external_id"))
    events, whose = [], []
    for line in lines:
        try:
            handle = _handle(line, way)
            if handle in handles.rejected:
                raise BadLine("handle", handles.rejected[handle].reason, handles.rejected[handle].remedy)
            events.append(_event(line, names[handles.ids[handle]] if handle else "", way))
            whose.append(line)
        except BadLine as bad:
            taken.refuse(line.number, bad)
    if events:
        _store(events, whose, way, taken)
    return taken


def _network(line: Line, way: Way) -> str:
    return line.values.get("network", "").strip().casefold() or way.network


def _handle(line: Line, way: Way) -> str:
    """The handle with its network; "" where the line names its person by the platform's own id."""
    handle = line.values.get("handle", "").strip()
    return f"{_network(line, way)}:{handle}" if handle and not line.values.get("customer", "").strip() else ""


def _event(line: Line, user_id: str, way: Way) -> dict:
    values = line.values
    user_id = user_id or text(values, "customer", 64)
    if not user_id:
        raise BadLine("handle", "The line names nobody.", "Give a handle, or the platform's customer id.")
    action = text(values, "action", 20, required=True).casefold()
    if action not in NAMES:
        raise BadLine("action", "This is no interaction that we take in.", f"Use one of {', '.join(NAMES)}.")
    network = _network(line, way)
    if not network:
        raise BadLine("network", "It is empty.", "Name it in the file, or for the whole import.")
    at = moment(text(values, "at", 40, required=True), "at", way.zone)
    post, given = text(values, "post", 100), text(values, "id", 100)
    # The id may hold a handle, so its keyed hash stands for it; without one, the same deed at the same time is the same.
    said = "\0".join([network, given] if given else [network, user_id, action, post, at.isoformat()])
    digest = crypto.keyed_hash(seal.keyring(), "social interaction", said, min(seal.keyring().hash_keys))[1]
    return {
        "messageId": f"social:{digest.hex()}", "event": NAMES[action], "userId": user_id, "timestamp": at.isoformat(),
        "context": {"channel": "social"},
        "properties": {
            "network": network, "post_id": post, "product_id": text(values, "product", 100),
            "comment": values.get("comment", "").strip(),
        },
    }  # fmt: skip


def _store(events: list[dict], whose: list[Line], way: Way, taken: Taken) -> None:
    names = {event["userId"] for event in events}
    before = set(Customer.objects.filter(external_id__in=names).values_list("external_id", flat=True))
    wanted = {event["messageId"] for event in events}
    there = set(EventKey.objects.filter(merchant=None, message_id__in=wanted).values_list("message_id", flat=True))
    receipt = take_events(events, merchant_id=None, source=Source.IMPORT, origin=way.origin)
    refused = {one.index: one for one in receipt.quarantined}
    for index, one in refused.items():
        name = one.field.rsplit(".", 1)[-1]
        taken.refuse(whose[index].number, BadLine(PARTS.get(name, name), one.reason))
    taken.taken += receipt.accepted
    taken.known += receipt.duplicates
    new = [event for index, event in enumerate(events) if index not in refused and event["messageId"] not in there]
    ids = people.import_customers(NewCustomer(name) for name in {event["userId"] for event in new})
    taken.brought += [
        Brought(ImportedRow.What.CUSTOMER, row_id=pk, customer_id=pk) for name, pk in ids.items() if name not in before
    ]
    first = {event["messageId"]: event for event in reversed(new)}
    taken.brought += [
        Brought(
            ImportedRow.What.EVENT, customer_id=ids[one["userId"]], at=datetime.fromisoformat(one["timestamp"]), key=key
        )
        for key, one in first.items()
    ]
