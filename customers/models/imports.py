"""Files of people and of what they did: each import as a row that is its own queue, with what it refused and brought."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from catalog.models import Origin


class ImportBatch(models.Model):
    """One file on its way in. A worker claims it by its state; `done` says how far it came, so that the next goes on."""

    class Kind(models.TextChoices):
        PEOPLE = "people", "customers and contact points"
        PURCHASES = "purchases", "store purchases by loyalty card"
        SOCIAL = "social", "social interactions"
        MEMBERS = "members", "a list of people who are known"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        PARQUET = "parquet", "Parquet"

    class State(models.TextChoices):
        RECEIVED = "received", "received"  # waits for its columns to be read
        NEW = "new", "waits for its columns to be named"
        TO_CHECK = "to_check", "waits for its dry run"
        CHECKING = "checking", "dry run under way"
        CHECKED = "checked", "dry run done"
        TO_LOAD = "to_load", "waits to be loaded"
        LOADING = "loading", "being loaded"
        LOADED = "loaded", "loaded"
        FAILED = "failed", "failed"
        UNDONE = "undone", "taken back"

    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    name = models.CharField(max_length=120)
    format = models.CharField(max_length=8, choices=Format)
    size = models.BigIntegerField()  # bytes
    sha256 = models.BinaryField(max_length=32)
    columns = models.JSONField(default=list)
    mapping = models.JSONField(default=dict)  # {our field: column of the file}
    options = models.JSONField(default=dict)  # what the file does not say of itself: time zone, network, currency
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    done = models.BigIntegerField(default=0)  # rows read by this run
    taken = models.BigIntegerField(default=0)
    known = models.BigIntegerField(default=0)  # were there already: nothing changed
    rejected = models.BigIntegerField(default=0)
    brought = models.JSONField(default=dict)  # {what: how many} new rows, in words for people
    message = models.CharField(max_length=300, blank=True)  # why it failed
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    claimed_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            # The same file goes in once, until it is taken back.
            models.UniqueConstraint(
                fields=["kind", "sha256", "mapping", "options"],
                name="import_once",
                condition=models.Q(state__in=["to_load", "loading", "loaded"]),
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="import_waiting",
                condition=models.Q(state__in=["received", "to_check", "checking", "to_load", "loading"]),
            )
        ]

    def __str__(self):
        return f"import {self.pk}: {self.name}"


class ImportChunk(models.Model):
    """A piece of an uploaded file, sealed under the install's own key; gone as soon as the file is in or given up."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="import_chunk_once")]

    def __str__(self):
        return f"piece {self.number} of import {self.batch_id}"


class ImportReject(models.Model):
    """A line that was not taken in: where, which field, why, what to do. Never what stood there."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rejects")
    line = models.BigIntegerField()
    field = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)
    remedy = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["batch", "line", "id"], name="import_reject_line")]

    def __str__(self):
        return f"line {self.line}: {self.field}: {self.reason}"


class ImportedRow(models.Model):
    """Something that an import brought or changed, so that it can be taken back exactly."""

    class What(models.TextChoices):
        CUSTOMER = "customer", "customers"
        ATTRIBUTES = "attributes", "changed attributes"
        CONTACT = "contact", "contact points"
        VERIFIED = "verified", "verifications"
        EVENT = "event", "events"
        ORDER = "order", "orders"
        CONSENT = "consent", "consent records"
        LISTED = "listed", "people on its list"

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    what = models.CharField(max_length=10, choices=What)
    row_id = models.BigIntegerField(null=True)
    customer_id = models.BigIntegerField(null=True)  # whose it was then
    # An event is found again by its person, its moment and its message id; it has no id that an index knows.
    at = models.DateTimeField(null=True)
    key = models.CharField(max_length=100, blank=True)
    before = models.JSONField(null=True)  # of what was changed: {field: [before, after]}

    class Meta:
        indexes = [models.Index(fields=["batch", "what", "customer_id"], name="import_brought")]

    def __str__(self):
        return f"{self.what} of import {self.batch_id}"
