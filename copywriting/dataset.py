"""What the database holds for a tuning: products of the catalogue, their texts, and what people approved."""

from datetime import datetime
from itertools import islice

from catalog import queries as catalog
from copywriting.contracts import MODEL, CopyBrief, DraftCopy
from copywriting.llm.corpus import Item
from copywriting.models import Example

MOST_PRODUCTS = 20_000  # names beyond that add nothing to a corpus of some thousand pairs
MOST_EXAMPLES = 5_000


def items() -> list[Item]:
    """Products on sale as a corpus needs them. One of a kind: ten sizes of one thing would all say the same."""
    rows = catalog.products().on_sale().order_by("pk").values_list("title", "category", "department", "product_type")
    found: dict[str, Item] = {}
    for title, category, department, product_type in rows.iterator(chunk_size=5000):
        key = f"{product_type or title}|{category}"
        found.setdefault(key, Item(key, title, category, department))
        if len(found) == MOST_PRODUCTS:
            break
    return list(found.values())


def texts() -> list[tuple[str, str]]:
    """(product, description) of the catalogue. A shop without descriptions has none, and its model card says so."""
    rows = catalog.products().on_sale().exclude(description="").order_by("pk").values_list("external_id", "description")
    return list(islice(rows.iterator(chunk_size=5000), MOST_PRODUCTS))


def approved_since(when: datetime | None) -> bool:
    rows = Example.objects.all()
    return (rows.filter(created_at__gt=when) if when else rows).exists()


def approved() -> list[tuple[CopyBrief, DraftCopy]]:
    """Texts that a person approved, newest first, with their briefs. English: no writer of ours is tuned on Chinese."""
    rows = Example.objects.filter(generation__brief__locale="en").select_related("generation").order_by("-pk")
    found = []
    for row in rows[:MOST_EXAMPLES]:
        draft = DraftCopy(subject=row.subject, body=row.body, writer=MODEL)
        found.append((CopyBrief.of(row.generation.brief), draft))
    return found
