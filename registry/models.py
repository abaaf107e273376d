"""Trained models and the runs that made them."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class TrainingRun(models.Model):
    """One training, asked for by a row. A worker claims it under a lease and beats; two attempts at the most."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        SUCCEEDED = "succeeded", "succeeded"
        FAILED = "failed", "failed"

    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    step = models.CharField(max_length=120, blank=True)
    share_done = models.FloatField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(attempts__lte=2), name="run_two_attempts"),
            models.CheckConstraint(condition=models.Q(share_done__range=(0, 1)), name="run_share"),
        ]
        indexes = [models.Index(fields=["state", "created_at"], name="run_waiting")]

    def __str__(self):
        return f"{self.kind} run {self.pk}"


class ModelVersion(models.Model):
    """A trained model: what it is, what it was trained on, how it compares, and the digest of its bytes."""

    class Status(models.TextChoices):
        CANDIDATE = "candidate", "candidate"
        LIVE = "live", "live"
        RETIRED = "retired", "retired"

    kind = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, default=Status.CANDIDATE)
    run = models.ForeignKey(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="versions")
    params = models.JSONField(default=dict)
    data_since = models.DateTimeField(null=True)
    data_until = models.DateTimeField(null=True)
    rows = models.BigIntegerField(default=0)
    metrics = models.JSONField(default=dict)  # {"ndcg@10 all": {"value": .., "low": .., "high": .., "baseline": ..}}
    baseline = models.CharField(max_length=40, blank=True)
    code_revision = models.CharField(max_length=64, blank=True)
    artifact_format = models.CharField(max_length=12, default="npz")  # npz, safetensors or lightgbm
    artifact_digest = models.CharField(max_length=64)
    artifact_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    promotion_reason = models.TextField(blank=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind"], name="one_live_model_a_kind", condition=models.Q(status="live"))
        ]
        indexes = [models.Index(fields=["kind", "-id"], name="model_newest")]

    def __str__(self):
        return f"{self.kind} {self.pk}"


class Alarm(models.Model):
    """Something about a kind of model that a person should look at; the live model goes on. One open row a subject."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=80)
    text = models.TextField()
    raised_at = models.DateTimeField(db_default=Now(), editable=False)
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], name="one_open_alarm", condition=models.Q(cleared_at__isnull=True)
            )
        ]
        indexes = [models.Index(fields=["kind", "-id"], name="alarm_newest")]

    def __str__(self):
        return f"{self.kind}: {self.subject}"


class Reading(models.Model):
    """One figure about a live model, taken at one time: drift against its training, or what its answers led to."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="readings")
    name = models.CharField(max_length=60)  # "psi departments", "click-through api observed" ...
    value = models.FloatField()
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    threshold = models.FloatField(null=True)  # above it (below it for coverage) the reading is an alarm
    is_alarm = models.BooleanField(default=False)
    detail = models.JSONField(default=dict)  # {"labels": [..], "before": [..], "now": [..]} or {"shown": n, "hits": n}
    taken_at = models.DateTimeField()

    class Meta:
        db_table_comment = "append-only: readings of live models"
        indexes = [models.Index(fields=["version", "name", "-taken_at"], name="reading_newest")]

    def __str__(self):
        return f"{self.version_id} {self.name}: {self.value}"


class Comparison(models.Model):
    """Several families judged on one split: the figures that were printed, with what they rest on."""

    name = models.CharField(max_length=60)  # "recommenders"
    level = models.CharField(max_length=20)  # item or type
    basis = models.CharField(max_length=40)  # "orders only": what was learned from and judged on
    cut_at = models.DateTimeField()
    horizon_days = models.FloatField()
    catalogue = models.PositiveIntegerField()
    history_rows = models.BigIntegerField()
    rows = models.JSONField()  # one per family and view, best first: see recommendations.ml.comparison.Row
    left_out = models.JSONField(default=dict)  # family: why it was not judged
    seconds = models.FloatField()
    code_revision = models.CharField(max_length=64, blank=True)
    judged_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: comparisons of families on one split"
        indexes = [models.Index(fields=["name", "-id"], name="comparison_newest")]

    def __str__(self):
        return f"{self.name} {self.level} {self.cut_at:%Y-%m-%d}"
