"""What the whole shop does: what rises, and the newest overview for the Behaviour page."""

from django.db import models

from recommendations.contracts import CATEGORY, SEARCH


class Trend(models.Model):
    """One thing that more people bought or searched for than in the window before, beyond chance. Rewritten whole."""

    kind = models.CharField(max_length=10, choices=[(CATEGORY, "bought"), (SEARCH, "searched for")])
    name = models.CharField(max_length=120)
    rank = models.PositiveSmallIntegerField()
    since = models.DateTimeField()  # the later window; the earlier one is as long and ends where this begins
    until = models.DateTimeField()
    people = models.IntegerField()
    people_before = models.IntegerField()
    shoppers = models.IntegerField()  # who shopped (or searched) at all in the later window
    change = models.FloatField()  # share of the shoppers now over the share before
    chance = models.FloatField()  # that nothing changed, corrected for the number of things looked at
    weeks = models.JSONField(default=list)  # people a week, the oldest first

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "rank"], name="trend_rank")]

    def __str__(self):
        return f"{self.name} × {self.change:.1f}"


class Overview(models.Model):
    """The shop's figures as of one scoring; the newest one is shown."""

    as_of = models.DateTimeField()
    figures = models.JSONField()  # recommendations.contracts.ShopFigures

    def __str__(self):
        return f"{self.as_of:%Y-%m-%d}"
