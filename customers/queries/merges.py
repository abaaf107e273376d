"""Which records were found to be one person, and which wait for somebody to say so."""

from django.db.models import Q, QuerySet

from customers.models import MergeProposal, MergeTrail


def merges_of(customer_id: int) -> list[MergeTrail]:
    """The standing merges into this record, the newest first: the only one that can be taken back is the first."""
    rows = MergeTrail.objects.filter(kept=customer_id, undone_at=None).select_related("merged", "actor")
    return list(rows.order_by("-pk"))


def merge_of(customer_id: int) -> MergeTrail | None:
    """The standing merge of this record into another; None while it stands for itself."""
    return MergeTrail.objects.filter(merged=customer_id, undone_at=None).select_related("kept").first()


def open_proposals(customer_id: int | None = None) -> QuerySet[MergeProposal]:
    """Pairs that wait for a person's word, the newest first: all, or those of one record."""
    rows = MergeProposal.objects.filter(state=MergeProposal.State.OPEN)
    if customer_id is not None:
        rows = rows.filter(Q(one=customer_id) | Q(other=customer_id))
    return rows.select_related("one", "other").order_by("-pk")


def newest_merges() -> QuerySet[MergeTrail]:
    return MergeTrail.objects.select_related("kept", "actor", "undone_by").order_by("-at", "-pk")
