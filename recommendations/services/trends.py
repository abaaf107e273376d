"""Writes what the whole shop does: trends whole, an overview for each scoring."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from catalog.services.bulk import copy_rows
from recommendations.models import Overview, Trend
from recommendations.queries.trends import shop_figures

TREND_COLUMNS = (
    "kind", "name", "rank", "since", "until", "people", "people_before", "shoppers", "change", "chance", "weeks",
)  # fmt: skip
KEPT = 60  # overviews: two months of nights


def replace_trends(rows: Iterable[tuple]) -> int:
    """All trends anew, in one transaction. Rows as the columns."""
    rows = list(rows)  # some are read while others are made; COPY would hold the connection
    with transaction.atomic():
        Trend.objects.all().delete()
        return copy_rows(Trend._meta.db_table, TREND_COLUMNS, rows)


def keep_overview(as_of: datetime, social: Mapping[str, object] | None = None) -> Overview:
    """Adds up the profiles as they stand, and keeps `social` with them (groups, reason); the oldest overviews go."""
    made = Overview.objects.create(as_of=as_of, figures=shop_figures() | {"social": dict(social or {})})
    old = Overview.objects.order_by("-id").values_list("pk", flat=True)[KEPT : KEPT + 100]
    Overview.objects.filter(pk__in=list(old)).delete()
    return made
