"""What people allowed: an append-only ledger in hash chains, its projection, and the list of those who said no."""

from django.db import models
from django.db.models.functions import Now

from catalog.models import Origin
from customers.models.people import Customer


class ConsentRecord(models.Model):
    """One act of one person for one purpose on one channel. Rows are chained by hash within 64 shards and never change.

    The arithmetic of the chain is `customers.ledger`; grants and triggers refuse UPDATE, DELETE and TRUNCATE.
    """

    shard = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField()
    subject = models.BinaryField(max_length=32)  # keyed hash of the person: stays when the person is erased
    customer_id = models.BigIntegerField(null=True)  # no foreign key: the ledger outlives the person
    purpose = models.CharField(max_length=20)
    channel = models.CharField(max_length=10)
    action = models.CharField(max_length=12)
    lawful_basis = models.CharField(max_length=20)
    notice_version = models.CharField(max_length=40, blank=True)
    notice_sha256 = models.BinaryField(max_length=32, null=True)
    language = models.CharField(max_length=8, blank=True)
    method = models.CharField(max_length=40)
    origin = models.CharField(max_length=10, choices=Origin)
    actor = models.CharField(max_length=60)
    jurisdiction = models.CharField(max_length=8, blank=True)
    ip_truncated = models.CharField(max_length=45, blank=True)
    sealed = models.BinaryField(null=True)  # user agent and other free evidence, under the subject's key
    valid_until = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField()  # the database's clock at the append, never a client's
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    form_sha256 = models.BinaryField(max_length=32, null=True)  # of the rendered form: NoticeForm keeps it

    class Meta:
        db_table_comment = "append-only: consent ledger"
        constraints = [models.UniqueConstraint(fields=["shard", "seq"], name="consent_chain")]
        indexes = [
            models.Index(fields=["customer_id", "purpose", "channel", "-id"], name="consent_person"),
            models.Index(
                fields=["-recorded_at", "-id"], name="consent_newest"
            ),  # the officer's page, also as of a date
            models.Index(fields=["action", "-recorded_at", "-id"], name="consent_action"),
        ]

    def __str__(self):
        return f"{self.shard}/{self.seq} {self.action} {self.purpose}"


class LedgerGenesis(models.Model):
    """What opens a shard: how many shards the ledger has, and the hash that its first record is chained to."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    shard_count = models.PositiveSmallIntegerField()
    hash = models.BinaryField(max_length=32)
    begun_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: genesis records of the consent ledger"

    def __str__(self):
        return f"{self.shard} of {self.shard_count}"


class ConsentState(models.Model):
    """The newest word of a person per purpose and channel: a projection, rebuilt from the ledger at any time."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=20)
    channel = models.CharField(max_length=10)
    action = models.CharField(max_length=12)
    is_given = models.BooleanField()
    origin = models.CharField(max_length=10, choices=Origin)
    record = models.ForeignKey(ConsentRecord, on_delete=models.DO_NOTHING, related_name="+")
    since = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "purpose", "channel"], name="consent_state_once")]
        indexes = [
            models.Index(
                fields=["purpose", "channel", "customer"], name="consent_given", condition=models.Q(is_given=True)
            )
        ]

    def __str__(self):
        return f"{self.customer_id} {self.purpose}/{self.channel}: {self.action}"


class Suppression(models.Model):
    """A contact point that must not be written to, by keyed hash alone: it holds even when the person is erased."""

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", "unsubscribed"
        BOUNCED = "bounced", "bounced for good"
        COMPLAINED = "complained", "marked as spam"
        STAFF = "staff", "entered by staff"
        ERASED = "erased", "erased"

    channel = models.CharField(max_length=10)
    lookup = models.BinaryField(max_length=32)
    lookup_version = models.PositiveSmallIntegerField(default=1)
    reason = models.CharField(max_length=12, choices=Reason)
    since = models.DateTimeField(db_default=Now(), editable=False)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "lookup"], name="suppression_once", condition=models.Q(lifted_at=None)
            )
        ]
        indexes = [models.Index(fields=["since"], name="suppression_newest", condition=models.Q(lifted_at=None))]

    def __str__(self):
        return f"{self.channel}: {self.reason}"


class Notice(models.Model):
    """The exact words that somebody agreed to. A new wording is a new version; old ones stay."""

    version = models.CharField(max_length=40, unique=True)
    language = models.CharField(max_length=8)
    text = models.TextField()
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: wordings shown"

    def __str__(self):
        return self.version


class NoticeForm(models.Model):
    """A form as it was rendered around a notice, by its digest: what somebody saw when they agreed. Holds no person."""

    sha256 = models.BinaryField(max_length=32, unique=True)
    html = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: forms shown"

    def __str__(self):
        return bytes(self.sha256).hex()
