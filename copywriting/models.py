"""Words for an offer, and where each of them came from."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from catalog.models import Merchant, Product
from registry.models import TrainingRun


class PromptTemplate(models.Model):
    """A prompt by name and version. A change is a new version, so that every text names the prompt that asked for it."""

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="prompt_version_once")]

    def __str__(self):
        return f"{self.name} v{self.version}"


class PhraseRule(models.Model):
    """A phrase and where it is true: which product classes, segments and channels it fits."""

    phrase = models.CharField(max_length=200)
    language = models.CharField(max_length=8, default="en")
    product_classes = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # empty: any
    segments = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    channels = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    source = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)

    def __str__(self):
        return self.phrase


class Generation(models.Model):
    """One request for words: the brief, the writer, and what is needed to get the same words again."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    brief = models.JSONField()  # copywriting.contracts.CopyBrief
    writer = models.CharField(max_length=60)
    model_digest = models.CharField(max_length=64, blank=True)
    prompt = models.CharField(max_length=80, blank=True)
    seed = models.BigIntegerField(default=0)
    drafted = models.PositiveIntegerField(default=0)
    passed = models.PositiveIntegerField(default=0)  # of the drafted ones, by all checks
    tries = models.PositiveSmallIntegerField(default=0)
    seconds = models.FloatField(default=0)
    environment = models.JSONField(default=dict)  # batch, threads, torch version, CPU capability
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(passed__lte=models.F("drafted")), name="passed_of_drafted")
        ]

    def __str__(self):
        return f"generation {self.pk}"


class Draft(models.Model):
    """A subject and a body in slotted form; facts are filled by code when a message is rendered."""

    class Writer(models.TextChoices):
        MODEL = "model", "language model"
        TEMPLATE = "template", "written template"
        PERSON = "person", "edited by hand"

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="drafts")
    subject = models.CharField(max_length=200)
    body = models.TextField()
    writer = models.CharField(max_length=10, choices=Writer)
    is_usable = models.BooleanField()
    is_chosen = models.BooleanField(default=False)
    # A text by hand: which one was edited, and by whom. The edited one stays as it was.
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="edits")
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_chosen=False) | models.Q(is_usable=True), name="chosen_draft_is_usable"
            )
        ]

    def __str__(self):
        return self.subject


class Example(models.Model):
    """A text as a person approved it, slotted: what the next tuning learns from."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="examples")
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    is_edited = models.BooleanField()  # whether it differs from what the writer gave
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: approvals are history"

    def __str__(self):
        return self.subject or self.body[:60]


class Finding(models.Model):
    """What a check has against a draft: rule, severity, where, and what to do."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="findings")
    rule = models.CharField(max_length=40)
    severity = models.CharField(max_length=10)
    start = models.PositiveIntegerField(null=True)
    end = models.PositiveIntegerField(null=True)
    message = models.CharField(max_length=300)
    remedy = models.CharField(max_length=300, blank=True)

    def __str__(self):
        return f"{self.rule}: {self.message}"


class StatedFact(models.Model):
    """A number, a date or an amount that a person wrote into a draft, and where they have it from."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="stated_facts")
    value = models.CharField(max_length=60)
    source = models.CharField(max_length=200)
    stated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: who stated which fact"
        constraints = [models.UniqueConstraint(fields=["draft", "value"], name="fact_stated_once")]

    def __str__(self):
        return f"{self.value}: {self.source}"


class Replay(models.Model):
    """A generation written once more: whether the words came back, and what was not as it was."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="replays")
    run = models.ForeignKey(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="+")
    is_same = models.BooleanField(null=True)  # null: not done yet
    differs = models.JSONField(default=list)  # sentences that name each condition that changed
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self):
        return f"replay of generation {self.generation_id}"


class Job(models.Model):
    """Texts that somebody asked for together. How far it is stands in its run: lease, heartbeat and attempts of a training."""

    class Kind(models.TextChoices):
        BRIEF = "brief", "brief of the studio"
        DESCRIPTIONS = "descriptions", "product descriptions"
        CAMPAIGN = "campaign", "words of a campaign"

    kind = models.CharField(max_length=12, choices=Kind)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.CASCADE, related_name="+")  # null: the platform
    name = models.CharField(max_length=120)
    asked = models.JSONField(default=dict)  # what was asked for, as it was typed or sent
    run = models.ForeignKey(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="copy_job_newest")]

    def __str__(self):
        return self.name


class Piece(models.Model):
    """One text of a job: its brief, what was written for it, and which draft somebody accepted."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="pieces")
    place = models.PositiveIntegerField()
    product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL, related_name="+")
    brief = models.JSONField()  # contracts.CopyBrief
    generation = models.ForeignKey(Generation, null=True, on_delete=models.SET_NULL, related_name="pieces")
    error = models.CharField(max_length=300, blank=True)  # why nothing was written, and what to change
    accepted = models.ForeignKey(Draft, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "place"], name="piece_place_once")]

    def __str__(self):
        return f"{self.job_id}: {self.place}"
