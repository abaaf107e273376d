"""Who works here and may do what."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

from accounts.contracts import NOBODY, PLATFORM


class Role(models.Model):
    """A named set of capabilities (accounts.contracts.Capability), as data: a platform may cut its roles anew."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    capabilities = ArrayField(models.CharField(max_length=60), default=list)
    # Whoever has such a role can do nothing until a passkey or an authenticator app is enrolled.
    needs_second_factor = models.BooleanField(default=False)
    # For people of merchants: without a membership such a role sees no row at all, instead of the platform's.
    is_for_merchants = models.BooleanField(default=False)

    def __str__(self):
        return self.name


class User(AbstractUser):
    """A member of staff, or a service account that an API key acts as."""

    roles = models.ManyToManyField(Role, blank=True, related_name="users")
    is_service = models.BooleanField(default=False)
    # Since when a second factor is asked for at each login; its one writer is services.note_second_factor.
    second_factor_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The merchant of catalog.Membership, kept equal by a trigger of that table: every request asks, none looks it up.
    merchant_id = models.BigIntegerField(null=True, blank=True, editable=False)

    def can(self, capability: str) -> bool:
        return self.is_active and capability in self.capabilities and not self.lacks_second_factor

    @property
    def needs_second_factor(self) -> bool:
        """Whether a role of theirs demands one; a superuser, who has every right of the admin, always."""
        return self.is_superuser or self._rights[1]

    @property
    def lacks_second_factor(self) -> bool:
        return self.second_factor_at is None and self.needs_second_factor

    @property
    def capabilities(self) -> frozenset[str]:
        """All capabilities of all roles."""
        return self._rights[0]

    @cached_property
    def _rights(self) -> tuple[frozenset[str], bool, bool]:
        """(capabilities, whether a second factor is demanded, whether a role is a merchant's), read once per user object."""
        columns = ("capabilities", "needs_second_factor", "is_for_merchants")
        rows = list(self.roles.values_list(*columns)) if self.pk else []
        names = frozenset(name for row in rows for name in row[0])
        return names, any(row[1] for row in rows), any(row[2] for row in rows)

    @property
    def reach(self) -> str:
        """Whose rows they see: one merchant's, everybody's, or nobody's for a merchant's role without a membership."""
        if self.merchant_id is not None:
            return str(self.merchant_id)
        return NOBODY if self._rights[2] else PLATFORM

    def _get_session_auth_hash(self, secret=None):
        """Django's, with the second factor in it: enrolling or dropping one ends every other session, as a new password does."""
        enrolled = self.second_factor_at.isoformat() if self.second_factor_at else ""
        salt = "accounts.models.User.session"
        return salted_hmac(salt, f"{self.password}|{enrolled}", secret=secret, algorithm="sha256").hexdigest()


class ApiKey(models.Model):
    """A key shown once: only the SHA-256 of its secret is kept. It acts as a service user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"


class AuditEntry(models.Model):
    """Who did what to which thing, before and after, and why. Written in the transaction of the change."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=36, blank=True)

    class Meta:
        db_table_comment = "append-only: who did what"
        indexes = [
            models.Index(fields=["object_type", "object_id", "-at"], name="audit_object"),
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            models.Index(fields=["actor", "-at", "-id"], name="audit_by_actor"),
            models.Index(fields=["action"], name="audit_by_action", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self):
        return f"{self.action} {self.object_type} {self.object_id}"


class ExportRequest(models.Model):
    """Somebody wants to take rows about many people along. A second person decides; one download, and not for long."""

    class State(models.TextChoices):
        ASKED = "asked", "waits for a second person"
        APPROVED = "approved", "approved"
        REFUSED = "refused", "refused"
        DOWNLOADED = "downloaded", "downloaded"

    kind = models.CharField(max_length=40)  # which rows: the room that has them knows the word
    what = models.CharField(max_length=200)  # the same for people
    object_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED, editable=False)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField(null=True)
    downloaded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by=None) | ~models.Q(decided_by=models.F("asked_by")),
                name="export_second_person",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["asked", "refused"]) | models.Q(expires_at__isnull=False),
                name="export_ends",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_by", "-id"], name="export_asked_by"),
            models.Index(fields=["-id"], name="export_waiting", condition=models.Q(state="asked")),
        ]

    def __str__(self):
        return self.what

    @property
    def is_ready(self) -> bool:
        """Approved, not taken yet, and not over."""
        return self.state == self.State.APPROVED and self.expires_at > timezone.now()

    @property
    def is_over(self) -> bool:
        return self.state == self.State.APPROVED and not self.is_ready


class IdempotencyKey(models.Model):
    """One write request of a caller: the answer is kept, so that a repeated request gets it again and changes nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_once")]

    def __str__(self):
        return self.key
