"""Reads about staff."""

from django.db.models import QuerySet

from accounts.models import ApiKey, AuditEntry


def audit_trail(
    *, actor: str = "", action: str = "", object_type: str = "", object_id: str = ""
) -> QuerySet[AuditEntry]:
    """Newest first, narrowed by what is not empty."""
    rows = AuditEntry.objects.select_related("actor").order_by("-id")
    narrow = {
        "actor__username": actor,
        "action__startswith": action,
        "object_type": object_type,
        "object_id": object_id,
    }
    return rows.filter(**{name: value for name, value in narrow.items() if value})


def api_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("user").order_by("revoked_at", "-id")
