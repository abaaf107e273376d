"""What can be trained or judged by a worker, what each is, what its newest training cost, and the button that asks for it."""

from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods

from accounts.contracts import Capability, requires
from recommendations.contracts import (
    CLUSTERS,
    COMPARISON,
    FAMILIES,
    LIFETIME,
    NETWORKS,
    PROPENSITIES,
    RECOMMENDER,
    REDEMPTION,
    SOCIAL_GROUPS,
    TWO_STAGE,
)
from recommendations.tasks import nudge
from registry import queries, services

WHAT: dict[str, Promise] = {
    COMPARISON: lazy("Judges every family and the ranker on the last four weeks, by product and by product type."),
    RECOMMENDER: lazy("The blend of own history, EASE and what is popular, with weights from earlier weeks."),
    TWO_STAGE: lazy("The ranker: ten models propose, boosted trees order their proposals. Taught on three earlier snapshots."),
    CLUSTERS: lazy("Groups of people by how they buy; a group keeps its number from week to week."),
    LIFETIME: lazy("Orders and money to come, by BG/NBD and gamma-gamma."),
    PROPENSITIES: lazy("The chance to buy, and to use a coupon, in the next four weeks, with what adds to it."),
    REDEMPTION: lazy("Who uses a coupon of a campaign, by the campaigns that went out before."),
    SOCIAL_GROUPS: lazy("Groups by what people follow, like, share and comment on."),
    "popularity": lazy("How many people bought it lately. Every other family has to beat it."),
    "recency": lazy("What a person bought before, counted with a half-life."),
    "repurchase": lazy("What a person bought before, by when it is due again (TAIW)."),
    "tifu": lazy("Baskets of the past faded by age, and those of the nearest people (TIFU-KNN)."),
    "ease": lazy("One linear map from everything bought to everything else, in closed form (EASE)."),
    "als": lazy("Factors of people and products by alternating least squares (iALS)."),
    "user_cosine": lazy("What people alike bought, by cosine."),
    "user_tfidf": lazy("What people alike bought, rare products weighing more (TF-IDF)."),
    "user_bm25": lazy("What people alike bought, long histories damped (BM25)."),
    "item_cosine": lazy("What is bought by the same people, by cosine."),
    "item_tfidf": lazy("What is bought by the same people, rare products weighing more (TF-IDF)."),
    "item_bm25": lazy("What is bought by the same people, long histories damped (BM25)."),
    "caser": lazy("A convolutional network over the last hundred events (Caser)."),
    "lstm": lazy("An LSTM over embedded events with a sigmoid a product."),
    "sasrec": lazy("A self-attention network over the last hundred events (SASRec)."),
}  # fmt: skip
# What goes live by itself where it is better; a family on its own stays a candidate until a person promotes it.
LIVE = (RECOMMENDER, TWO_STAGE, CLUSTERS, LIFETIME, PROPENSITIES, REDEMPTION, SOCIAL_GROUPS)


@dataclass(frozen=True)
class Trainable:
    """newest: its newest version (registry.queries.newest), None before the first. is_slow: takes many minutes of one core."""

    kind: str
    what: Promise
    goes_live: bool
    is_slow: bool
    newest: object | None
    is_moving: bool


@requires(Capability.MODEL_PROMOTE)
@require_http_methods(["GET", "POST"])
def trainings(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _ask(request)
    return _page(request)


def _ask(request: HttpRequest) -> HttpResponse:
    kind = request.POST.get("kind", "")
    if kind not in WHAT:
        messages.error(request, _("There is no training of that name. Choose one of the list."))
        return _page(request, status=400)
    params = {"promote": True} if kind in LIVE else {} if kind == COMPARISON else {"promote": False}
    if kind == COMPARISON and request.POST.get("networks"):
        params["networks"] = True
    with transaction.atomic():
        run = services.ask(kind, params, asked_by=request.user)
        nudge(run.pk)
    messages.success(request, _("Run %(number)s is asked for. A worker takes it; this page shows how far it is.") % {
        "number": run.pk})  # fmt: skip
    return redirect("registry:list")


def _page(request: HttpRequest, status: int = 200) -> HttpResponse:
    newest = queries.newest(tuple(WHAT))
    moving = queries.moving()
    rows = [
        Trainable(
            kind, what, kind in LIVE, kind in (COMPARISON, TWO_STAGE, *NETWORKS), newest.get(kind), kind in moving
        )
        for kind, what in WHAT.items()
    ]
    groups = [
        (_("What answers live"), [row for row in rows if row.kind in LIVE]),
        (_("Families on their own"), [row for row in rows if row.kind in FAMILIES]),
    ]
    return render(request, "recommendations/trainings.html", {"groups": groups, "comparison": rows[0]}, status=status)
