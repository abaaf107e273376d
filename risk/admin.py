"""A window on doubt, for reading: decisions are taken on the pages, where a reason is asked for and a trail is left."""

from django.contrib import admin

from risk.models import Case, Flag, Rule, Sweep, Verdict


class ReadOnly(admin.ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Rule)
class RuleAdmin(ReadOnly):
    list_display = ("code", "version", "description", "params", "is_active", "created_at")


@admin.register(Case)
class CaseAdmin(ReadOnly):
    list_display = ("id", "customer_id", "state", "opened_at", "closed_at")


@admin.register(Flag)
class FlagAdmin(ReadOnly):
    list_display = ("id", "code", "state", "score", "customer_id", "order_id", "sentence", "raised_at")


@admin.register(Verdict)
class VerdictAdmin(ReadOnly):
    list_display = ("id", "flag_id", "decision", "reason", "by", "at")
    list_select_related = ("by",)


@admin.register(Sweep)
class SweepAdmin(ReadOnly):
    list_display = ("read_until", "orders", "flags", "customers_held", "seconds")
