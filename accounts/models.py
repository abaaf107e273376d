"""Who works here and may do what."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class Role(models.Model):
    """A named set of capabilities (accounts.contracts.Capability), as data: a platform may cut its roles anew."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    capabilities = ArrayField(models.CharField(max_length=60), default=list)

    def __str__(self):
        return self.name


class User(AbstractUser):
    """A member of staff, or a service account that an API key acts as."""

    roles = models.ManyToManyField(Role, blank=True, related_name="users")
    is_service = models.BooleanField(default=False)

    def can(self, capability: str) -> bool:
        return self.is_active and capability in self.capabilities

    @property
    def capabilities(self) -> frozenset[str]:
        """All capabilities of all roles, read once per user object: a request asks for several."""
        if not hasattr(self, "_capabilities"):
            lists = self.roles.values_list("capabilities", flat=True) if self.pk else ()
            self._capabilities = frozenset(name for names in lists for name in names)
        return self._capabilities


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
