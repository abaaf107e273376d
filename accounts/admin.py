"""A window on staff. Roles and accounts are kept here; keys and the audit trail are read-only."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from accounts.models import ApiKey, AuditEntry, Role, User
from accounts.services import audit

admin.site.unregister([EmailAddress, Authenticator])


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class Audited(admin.ModelAdmin):
    """What is decided here, who may do what, stands in the audit trail too. Called in the transaction of the change."""

    def log_addition(self, request, obj, message):
        audit(request.user, "admin.added", obj, after=self._facts(obj, message))
        return super().log_addition(request, obj, message)

    def log_change(self, request, obj, message):
        audit(request.user, "admin.changed", obj, after=self._facts(obj, message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request, queryset):
        for obj in queryset:
            audit(request.user, "admin.deleted", obj, before=self._facts(obj, []))
        return super().log_deletions(request, queryset)

    @staticmethod
    def _facts(obj, message) -> dict:
        if isinstance(obj, User):
            rights = {"roles": sorted(obj.roles.values_list("slug", flat=True)), "superuser": obj.is_superuser}
            return {"name": obj.username, "active": obj.is_active, **rights, "said": message}
        return {"name": obj.slug, "capabilities": obj.capabilities, "said": message}


@admin.register(User)
class StaffAdmin(Audited, UserAdmin):
    fieldsets = (*UserAdmin.fieldsets, ("Attune", {"fields": ("roles", "is_service")}))
    list_display = ("username", "first_name", "last_name", "is_active", "is_service")
    filter_horizontal = ("roles", "groups", "user_permissions")


@admin.register(Role)
class RoleAdmin(Audited):
    list_display = ("name", "slug", "capabilities", "needs_second_factor")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ("prefix", "name", "user", "scopes", "last_used_at", "revoked_at")
    exclude = ("digest",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("at", "actor", "action", "object_type", "object_id", "reason")
    show_full_result_count = False
