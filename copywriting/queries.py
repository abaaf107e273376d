"""Reads about texts: jobs with how far they are, drafts with where they come from, and what was accepted before."""

from django.db.models import Count, Prefetch, Q, QuerySet

from copywriting.models import Draft, Job, Piece, Replay


def jobs(merchant_id: int | None = None) -> QuerySet[Job]:
    """Newest first: a merchant's own, or (None) everybody's."""
    rows = Job.objects.select_related("run", "merchant", "asked_by").order_by("-pk")
    return rows if merchant_id is None else rows.filter(merchant=merchant_id)


def job(job_id: int) -> Job | None:
    return jobs().filter(pk=job_id).first()


def tally(job_ids: list[int]) -> dict[int, tuple[int, int, int]]:
    """By job: (texts asked for, written, accepted). One query for a page of jobs."""
    rows = Piece.objects.filter(job__in=job_ids).values_list("job_id")
    counted = rows.annotate(
        asked=Count("pk"), written=Count("generation"), taken=Count("pk", filter=Q(accepted__isnull=False))
    )
    return {job_id: (asked, written, taken) for job_id, asked, written, taken in counted}


def pieces(job_id: int) -> QuerySet[Piece]:
    """The texts of a job in their order, each with its drafts and their stated facts; a constant number of queries."""
    drafts = Draft.objects.prefetch_related("stated_facts").order_by("-is_chosen", "-is_usable", "pk")
    return (
        Piece.objects.filter(job=job_id)
        .select_related("generation", "product", "accepted")
        .prefetch_related(Prefetch("generation__drafts", queryset=drafts))
        .order_by("place")
    )


def drafts() -> QuerySet[Draft]:
    return Draft.objects.select_related("generation", "parent", "edited_by").prefetch_related("stated_facts")


def of_generations(generation_ids: list[int]) -> dict[int, list[Draft]]:
    """The drafts of each generation, those by hand first, then the usable ones as they were ranked."""
    rows = (
        Draft.objects.filter(generation__in=generation_ids)
        .prefetch_related("stated_facts")
        .select_related("generation", "edited_by")
    )
    found: dict[int, list[Draft]] = {}
    for draft in sorted(rows, key=lambda one: (one.writer != "person", not one.is_usable, one.pk)):
        found.setdefault(draft.generation_id, []).append(draft)
    return found


def piece_of(draft: Draft) -> Piece | None:
    """The text of a job that this draft was written for; None for a campaign's first drafts."""
    return Piece.objects.select_related("job").filter(generation=draft.generation_id).first()


MOST_ACCEPTED = 500  # rows that are looked at for what was accepted before: some eight a text of a page


def accepted_before(pieces: list[Piece]) -> dict[int, Draft]:
    """By piece: the draft accepted last for the same product on the same channel. One query for all."""
    rows = Piece.objects.filter(product__in={piece.product_id for piece in pieces} - {None}, accepted__isnull=False)
    found: dict[int, Draft] = {}
    known = list(rows.select_related("accepted").order_by("-accepted_at")[:MOST_ACCEPTED])
    for piece in pieces:
        where = (piece.product_id, piece.brief["channel"], piece.brief["audience"])
        for row in known:
            if row.pk != piece.pk and where == (row.product_id, row.brief["channel"], row.brief["audience"]):
                found[piece.pk] = row.accepted
                break
    return found


def last_replay(generation_id: int) -> Replay | None:
    return Replay.objects.filter(generation=generation_id).select_related("run").order_by("-pk").first()


def replay_row(replay_id: int) -> Replay:
    return Replay.objects.get(pk=replay_id)


def pieces_of_drafts(job_id: int, draft_ids: list[int]) -> dict[int, int]:
    """By draft: the text of this job that it was written for; what is none of them is left out."""
    rows = Piece.objects.filter(job=job_id, generation__drafts__in=draft_ids)
    return dict(rows.values_list("generation__drafts", "pk"))
