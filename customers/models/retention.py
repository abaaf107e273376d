"""How long each table keeps what it holds, and what must not be thrown away yet."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class RetentionRule(models.Model):
    """Rows of `table` whose `column` is older than `keep_days` go; of a partitioned table, whole partitions."""

    table = models.CharField(max_length=63, unique=True)
    column = models.CharField(max_length=63)
    keep_days = models.PositiveIntegerField()
    only_where = models.CharField(max_length=63, blank=True)  # a column that must not be null: what is still open stays
    why = models.CharField(max_length=200)  # the purpose, and the law that sets a least or a most
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(keep_days__gte=1), name="retention_at_least_a_day")]
        ordering = ["table"]

    def __str__(self):
        return f"{self.table}: {self.keep_days} days"


class LegalHold(models.Model):
    """Nothing of this table is thrown away while the hold stands, whatever its rule says. "*" is every table."""

    EVERYTHING = "*"

    table = models.CharField(max_length=63, default=EVERYTHING)
    reason = models.CharField(max_length=200)
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at=None) | Q(lifted_at__gte=F("placed_at")), name="hold_lifted_after_it_was_placed"
            )
        ]
        indexes = [models.Index(fields=["table"], name="hold_standing", condition=Q(lifted_at=None))]

    def __str__(self):
        return f"{self.table}: {self.reason}"


class RetentionRun(models.Model):
    """What one run of the command found due in a table, and what it threw away."""

    table = models.CharField(max_length=63)
    cutoff = models.DateTimeField()
    due = models.BigIntegerField()  # rows; of a partitioned table, partitions
    removed = models.BigIntegerField(default=0)
    unit = models.CharField(max_length=12)  # rows or partitions
    names = models.JSONField(default=list)  # of partitions
    held_by = models.CharField(max_length=200, blank=True)  # the reason of the hold that stopped it
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: runs of retention"
        indexes = [models.Index(fields=["table", "-id"], name="retention_newest")]

    def __str__(self):
        return f"{self.table}: {self.removed} of {self.due}"
