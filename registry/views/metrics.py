"""The figures of a version as a page shows them: a bar with its interval, the verdict against the baseline, and its meaning."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion

# What a name begins with -> what the figure means. Names are those under which trainings keep them.
MEANINGS: dict[str, Promise] = {
    "ndcg@10": _("How much of what people bought stands among their ten, the first places counting most."),
    "recall@20": _("The share of what people bought afterwards that stands among their twenty."),
    "pr_auc": _("Precision averaged over every place where the list could be cut; a guess reaches the base rate, 1 is perfect."),
    "roc_auc": _("How often somebody who did it is put before somebody who did not; a guess reaches 0.5, 1 is perfect."),
    "log loss": _("What is paid for each chance that was off; less is better."),
    "lift at 10 %": _("How many times the base rate the likeliest tenth reaches."),
    "calibration error": _("How far chances lie from what happened. The base rate for all has none and tells nobody apart."),
    "explained share of differences": _("How much of what sets people apart the groups tell; 1 is all of it."),
    "error of orders in 4 weeks": _("By how many orders the forecast of four weeks is off, on average; less is better."),
    "nearness to the own group": _("How like people are to the middle of their own group; 1 is the same."),
    "held-out loss": _("How surprised the writer is by texts that it was never tuned on; less is better."),
    "gate pass rate": _("The share of texts that pass every check."),
}  # fmt: skip
LESS_IS_BETTER = ("log loss", "error of ", "held-out loss")


def figures(version: ModelVersion) -> list[dict]:
    """Its metrics by name with value, low, high, baseline, live, over_baseline as they were kept, and how they are drawn: each
    on a scale of its own from 0 (or the least of them, where one lies below) to the greatest, parts of 100. beats: 1 where the
    paired interval finds it better than the baseline, -1 where worse, 0 in between.
    """
    return [_drawn(name, row) for name, row in version.metrics.items() if isinstance(row, dict)]


def meanings(version: ModelVersion) -> list[tuple[str, Promise]]:
    """(beginning of the name, what it means) of the figures that this version has."""
    return [
        (name, meaning)
        for name, meaning in MEANINGS.items()
        if any(kept.startswith(name) for kept, row in version.metrics.items() if isinstance(row, dict))
    ]


def accuracy(version: ModelVersion) -> dict[str, float]:
    """The share that a classifier is right about, never without what guessing reaches; {} where either was not kept."""
    reached, guessing = version.params.get("accuracy"), version.params.get("accuracy of guessing")
    return {} if reached is None or guessing is None else {"reached": reached, "guessing": guessing}


def _drawn(name: str, row: dict) -> dict:
    drawn = {"name": name, **row}
    value, baseline = row.get("value"), row.get("baseline")
    if value is None or baseline is None:
        return drawn
    low, high = row.get("low", value), row.get("high", value)
    least = min(0.0, low, value, baseline)
    scale = 100 / ((max(high, value, baseline) - least) or 1.0)
    over = row.get("over_baseline")
    # Saying the base rate to everybody is calibrated without knowing anything: no verdict follows from that.
    sign = 0 if name == "calibration error" else -1 if name.startswith(LESS_IS_BETTER) else 1
    return drawn | {
        "bar": (value - least) * scale,
        "start": (low - least) * scale,
        "width": (high - low) * scale,
        "mark": (baseline - least) * scale,
        "beats": over and sign * ((over[1] > 0) - (over[2] < 0)),
    }
