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
        views.append({"title": title, "rows": drawn, "people": rows[0]["people"] if rows else 0})
    return {"of": comparison, "views": views}
