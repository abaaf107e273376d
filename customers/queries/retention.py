"""What the retention rules say, what the last run found, and which holds stand."""

from django.db.models import F, OuterRef, QuerySet, Subquery

from customers.models import LegalHold, RetentionRule, RetentionRun


def rules() -> QuerySet[RetentionRule]:
    """With what the last run found and threw away: `due`, `removed`, `unit`, `names`, `run_at`, null before the first."""
    newest = RetentionRun.objects.filter(table=OuterRef("table")).order_by("-id")
    found = {name: Subquery(newest.values(name)[:1]) for name in ("due", "removed", "unit", "names", "held_by")}
    return RetentionRule.objects.annotate(run_at=Subquery(newest.values("at")[:1]), **found)


def holds() -> QuerySet[LegalHold]:
    """Standing ones first, then lifted ones, newest first."""
    return LegalHold.objects.select_related("placed_by", "lifted_by").order_by(
        F("lifted_at").desc(nulls_first=True), "-pk"
    )


def hold_on(table: str) -> LegalHold | None:
    """The hold that keeps this table, if one stands."""
    standing = LegalHold.objects.filter(lifted_at=None, table__in=(table, LegalHold.EVERYTHING))
    return standing.order_by("pk").first()


def runs() -> QuerySet[RetentionRun]:
    return RetentionRun.objects.order_by("-pk")
