"""Whom and what not to trust, and who decided so."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.models import Customer, Order


class Rule(models.Model):
    """A named check with its limits as data. A change is a new version; back-tests compare versions."""

    code = models.CharField(max_length=20)
    version = models.PositiveIntegerField(default=1)
    description = models.CharField(max_length=200)
    params = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_version_once"),
            models.UniqueConstraint(fields=["code"], name="one_active_rule", condition=models.Q(is_active=True)),
        ]

    def __str__(self):
        return f"{self.code} v{self.version}"


class Case(models.Model):
    """What a person decides about: one customer, with every flag that stands against them."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        CLOSED = "closed", "closed"

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="risk_cases")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer"], name="one_open_case", condition=models.Q(state="open"))
        ]

    def __str__(self):
        return f"case {self.pk}"


class Flag(models.Model):
    """A doubt about a customer or one of their orders, with its reason code. Excludes until somebody dismisses it."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        CONFIRMED = "confirmed", "confirmed"
        DISMISSED = "dismissed", "dismissed"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="flags")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="risk_flags")
    order = models.ForeignKey(Order, null=True, on_delete=models.CASCADE, related_name="risk_flags")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    score = models.FloatField()  # 0 to 1
    code = models.CharField(max_length=20)
    sentence = models.CharField(max_length=300)
    raised_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "order", "code"], nulls_distinct=False, name="flag_once"),
            models.CheckConstraint(condition=models.Q(score__range=(0, 1)), name="flag_score"),
        ]
        indexes = [models.Index(fields=["state", "-score", "-id"], name="flag_queue")]

    def __str__(self):
        return f"{self.code} on {self.customer_id}"


class Signal(models.Model):
    """One rule that fired, with the value it saw and what is usual."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="signals")
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+")
    value = models.FloatField()
    usual_low = models.FloatField(null=True)
    usual_high = models.FloatField(null=True)
    evidence = models.JSONField(default=dict)

    def __str__(self):
        return f"{self.rule_id}: {self.value}"


class Verdict(models.Model):
    """What somebody decided about a flag, and why. Later verdicts stand beside earlier ones."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="verdicts")
    decision = models.CharField(max_length=10, choices=[("confirmed", "confirmed"), ("dismissed", "dismissed")])
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: verdicts on flags"

    def __str__(self):
        return f"{self.decision} by {self.by_id}"


class Sweep(models.Model):
    """One pass over new orders that judged some. The next reads what came in after the newest `read_until`."""

    read_until = models.DateTimeField()
    # Orders that came in shortly before it and that it saw; more of them later means that some were committed late.
    recent = models.PositiveIntegerField()
    orders = models.PositiveIntegerField()
    flags = models.PositiveIntegerField()
    customers_held = models.PositiveIntegerField()
    seconds = models.FloatField()
    finished_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["-read_until"], name="sweep_newest")]

    def __str__(self):
        return f"until {self.read_until:%Y-%m-%d %H:%M}"
