"""Store purchases by loyalty card: the lines of an order become one Order Completed, by the one way all events go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from customers.models import Customer, ImportedRow, Order, Source
from customers.services import people
from customers.services.events import take_events
from customers.services.import_fields import BadLine, moment, text
from customers.services.import_take import Brought, Line, Refusal, Taken, Way
from customers.services.orders import COMPLETED, known

PREFIX = "till:"  # keeps a till's receipt numbers apart from other messages' ids
# What the event calls its parts, and what the file calls them.
PARTS = {"product_id": "product", "price": "amount", "order_id": "order", "timestamp": "ordered_at", "event": "order"}


@dataclass(frozen=True, slots=True)
class _Receipt:
    """The lines of one order, which stand together in the file."""

    order_id: str
    lines: tuple[Line, ...]


def blocks(lines: Iterable[Line | Refusal], size: int) -> Iterator[list[Line | Refusal]]:
    """Blocks of about `size` lines that part no order."""
    block: list[Line | Refusal] = []
    order = None
    for line in lines:
        # A line that cannot be read stands within whatever order surrounds it.
        new = line.values.get("order") if isinstance(line, Line) else order
        if len(block) >= size and new != order:
            yield block
            block = []
        order = new
        block.append(line)
    if block:
        yield block


def take(lines: list[Line], way: Way) -> Taken:
    """Takes in whole orders; one bad line refuses its order, and says which line."""
    taken = Taken()
    receipts = list(_receipts(lines, taken))
    there = known(None, [receipt.order_id for receipt in receipts])
    parted = _brought_before(there, way)
    fresh = []
    for receipt in receipts:
        if receipt.order_id in parted:
            _refuse_parted(taken, receipt.lines)
        elif receipt.order_id in there:
            taken.known += len(receipt.lines)
        else:
            fresh.append(receipt)
    cards = people.recognise("loyalty", [r.lines[0].values.get("card", "") for r in fresh], origin=way.origin)
    taken.brought += records_brought(cards.made)
    names = dict(Customer.objects.filter(pk__in=set(cards.ids.values())).values_list("pk", "external_id"))
    events, whose = [], []
    for receipt in fresh:
        try:
            card = receipt.lines[0].values.get("card", "")
            if card in cards.rejected:
                raise BadLine("card", cards.rejected[card].reason, cards.rejected[card].remedy)
            events.append(_event(receipt, names[cards.ids[card]], way))
            whose.append(receipt)
        except _BadReceiptLine as bad:
            _refuse(taken, receipt, bad.place, bad)
        except BadLine as bad:
            _refuse(taken, receipt, 0, bad)
    if events:
        _store(events, whose, way, taken)
    return taken


class _BadReceiptLine(BadLine):
    place = 0


def _receipts(lines: list[Line], taken: Taken) -> Iterator[_Receipt]:
    """Neighbouring lines of one order. One whose lines stand apart would come in as half an order: it is refused."""
    seen: set[str] = set()
    group: list[Line] = []
    for line in [*lines, Line(0, {})]:
        order_id = line.values.get("order", "").strip()
        if group and (line.number == 0 or order_id != group[0].values["order"].strip()):
            name = group[0].values["order"].strip()
            if name in seen:
                _refuse_parted(taken, group)
            else:
                yield _Receipt(name, tuple(group))
            seen.add(name)
            group = []
        if line.number == 0:
            return
        if not order_id:
            taken.refuse(line.number, BadLine("order", "It is empty.", "Every line needs it."))
        else:
            group.append(line)


def _brought_before(there: set[str], way: Way) -> set[str]:
    """Which of these orders an earlier block of this very file has brought."""
    rows = Order.objects.filter(merchant=None, external_id__in=there)
    ids = dict(rows.values_list("pk", "external_id"))
    brought = ImportedRow.objects.filter(batch=way.batch_id, what=ImportedRow.What.ORDER, row_id__in=ids)
    return {ids[pk] for pk in brought.values_list("row_id", flat=True)}


def _refuse_parted(taken: Taken, lines: Iterable[Line]) -> None:
    for line in lines:
        taken.refuse(line.number, BadLine("order", "Its lines do not stand together.", "Sort the file by order."))


def _event(receipt: _Receipt, user_id: str, way: Way) -> dict:
    """The order as a shop would post it. Raises BadLine for what the spec would not name by line."""
    first = receipt.lines[0].values
    products = []
    for place, line in enumerate(receipt.lines):
        values = line.values
        for name in ("card", "ordered_at"):
            if values.get(name, "").strip() != first.get(name, "").strip():
                bad = _BadReceiptLine(name, "It differs within one order.", "An order has one card and one time.")
                bad.place = place
                raise bad
        products.append(
            {
                "product_id": values.get("product", "").strip(),
                "quantity": values.get("quantity", "").strip() or 1,
                "amount": values.get("amount", "").strip() or None,
            }
        )
    at = moment(text(first, "ordered_at", 40, required=True), "ordered_at", way.zone)
    properties = {
        "order_id": receipt.order_id, "store": text(first, "store", 40), "products": products,
        "currency": text(first, "currency", 3) or way.currency or "USD", "discount": text(first, "discount", 20) or None,
    }  # fmt: skip
    return {
        "messageId": f"{PREFIX}{receipt.order_id}", "event": COMPLETED, "userId": user_id, "timestamp": at.isoformat(),
        "context": {"channel": "store"}, "properties": properties,
    }  # fmt: skip


def _store(events: list[dict], whose: list[_Receipt], way: Way, taken: Taken) -> None:
    receipt = take_events(events, merchant_id=None, source=Source.STORE, origin=way.origin)
    refused = {one.index: one for one in receipt.quarantined}
    for index, one in refused.items():
        field, place = _place(one.field)
        _refuse(taken, whose[index], place, BadLine(field, one.reason))
    accepted = {whose[index].order_id: len(whose[index].lines) for index in range(len(events)) if index not in refused}
    rows = Order.objects.filter(merchant=None, external_id__in=accepted)
    made = {name: row for name, *row in rows.values_list("external_id", "pk", "customer_id", "ordered_at", "source")}
    for name, lines in accepted.items():
        pk, customer_id, at, source = made.get(name, (None, None, None, ""))
        if source != Source.STORE:  # its message id came before, and its order by another way
            taken.known += lines
            continue
        taken.taken += lines
        taken.brought.append(Brought(ImportedRow.What.ORDER, row_id=pk, customer_id=customer_id))
        taken.brought.append(Brought(ImportedRow.What.EVENT, customer_id=customer_id, at=at, key=f"{PREFIX}{name}"))


def _place(field: str) -> tuple[str, int]:
    """“properties.products[3].price” is “amount” of the order's fourth line."""
    name = field.rsplit(".", 1)[-1]
    inside = field.partition("[")[2].partition("]")[0]
    return PARTS.get(name, name.partition("[")[0]), int(inside) if inside.isdecimal() else 0


def _refuse(taken: Taken, receipt: _Receipt, place: int, bad: BadLine) -> None:
    """The line at fault with its reason, the others of its order with a pointer to it: a count of lines stays a count."""
    at_fault = receipt.lines[min(place, len(receipt.lines) - 1)]
    taken.refuse(at_fault.number, bad)
    for line in receipt.lines:
        if line is not at_fault:
            taken.refuse(line.number, BadLine("order", f"Line {at_fault.number} of the same order was refused."))


def records_brought(made: Iterable[int]) -> list[Brought]:
    """Provisional records and the card that each stands for."""
    brought = [Brought(ImportedRow.What.CUSTOMER, row_id=pk, customer_id=pk) for pk in made]
    if brought:
        rows = Customer.objects.filter(pk__in=made).values_list("contact_points__pk", "pk")
        brought += [Brought(ImportedRow.What.CONTACT, row_id=pk, customer_id=owner) for pk, owner in rows]
    return brought
