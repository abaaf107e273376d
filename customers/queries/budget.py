"""What was spent of the privacy budgets."""

from collections import defaultdict

from django.db.models import Count, Max, QuerySet

from customers.contracts import BudgetLine
from customers.models import PrivacyBudget
from customers.privacy import Loss, compose, composed

# A merchant and quarter. Three is where the membership-inference literature still sees little; one in a million of a
# population of thousands is less than one person.
CAP = Loss(epsilon=3.0, delta=1e-6)
WINDOWS_SHOWN = 40


def spent(dataset: str, window: str) -> list[Loss]:
    """Every loss of this dataset and window. Read it under the dataset's lock to spend more."""
    rows = PrivacyBudget.objects.filter(dataset=dataset, window=window).values_list("epsilon", "delta")
    return [Loss(epsilon, delta) for epsilon, delta in rows]


def budgets() -> list[BudgetLine]:
    """The datasets and windows that spent last, newest first: the cost of all their answers together against the cap."""
    rows = list(
        PrivacyBudget.objects.values("dataset", "window")
        .annotate(answers=Count("pk"), last_at=Max("at"))
        .order_by("-last_at")[:WINDOWS_SHOWN]
    )
    losses: dict[tuple[str, str], list[Loss]] = defaultdict(list)
    wanted = PrivacyBudget.objects.filter(
        dataset__in={r["dataset"] for r in rows}, window__in={r["window"] for r in rows}
    )
    for dataset, window, epsilon, delta in wanted.values_list("dataset", "window", "epsilon", "delta"):
        losses[dataset, window].append(Loss(epsilon, delta))
    return [
        BudgetLine(
            row["dataset"],
            row["window"],
            row["answers"],
            composed(losses[row["dataset"], row["window"]], CAP.delta).epsilon,
            compose(losses[row["dataset"], row["window"]]).epsilon,
            CAP.epsilon,
            CAP.delta,
            row["last_at"],
        )
        for row in rows
    ]


def log() -> QuerySet[PrivacyBudget]:
    """Every answer that cost something, newest first."""
    return PrivacyBudget.objects.select_related("answer").order_by("-pk")
