"""A kept comparison as the Models page draws it."""

from django.utils.translation import gettext_lazy as _

from registry.models import Comparison

TITLES = (("all", _("All purchases")), ("novel", _("Novel only: never bought before")))


def shown(comparison: Comparison) -> dict:
    """Per view its rows, with NDCG@10 and its interval as parts of the widest bar, and the verdict against the baseline."""
    views = []
    for view, title in TITLES:
        rows = [row for row in comparison.rows if row["view"] == view]
        widest = max((row["high"] for row in rows), default=0) or 1
        drawn = [
            {
                **row,
                **{name.partition("@")[0]: value for name, value in row["figures"].items() if name != "recall@10"},
                "start": row["low"] / widest,
                "width": (row["high"] - row["low"]) / widest,
                "point": row["figures"]["ndcg@10"] / widest,
                "beats": row["over"] and (row["over"][1] > 0) - (row["over"][2] < 0),
            }
            for row in rows
        ]
        views.append(
            {"title": title, "rows": drawn, "people": rows[0]["people"] if rows else 0, "ranker": ranker_less(rows)}
        )
    return {"of": comparison, "views": views}


def ranker_less(rows: list[dict]) -> dict:
    """The ranker less each other family on a scale that holds every interval and zero, 0 to 100; no rows where the table has
    no ranker.
    """
    held = [(row["family"], *row["ranker_over"]) for row in rows if row.get("ranker_over")]
    low, high = min([0.0, *(one[2] for one in held)]), max([0.0, *(one[3] for one in held)])
    scale = 100 / ((high - low) or 1.0)
    return {
        "zero": -low * scale,
        "rows": [
            {
                "family": family,
                "mean": mean,
                "low": least,
                "high": most,
                "start": (least - low) * scale,
                "width": (most - least) * scale,
                "point": (mean - low) * scale,
                "beats": (least > 0) - (most < 0),
            }
            for family, mean, least, most in held
        ],
    }
