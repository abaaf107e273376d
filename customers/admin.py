"""A window on people, consent and events: read-only, and without what is sealed."""

from django.contrib import admin

from customers.models import ConsentRecord, ConsentState, Notice, Quarantine, Suppression


class Window(admin.ModelAdmin):
    show_full_result_count = False  # no COUNT(*) over millions
    list_per_page = 50

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(ConsentRecord)
class ConsentRecordAdmin(Window):
    list_display = ("id", "recorded_at", "shard", "seq", "customer_id", "purpose", "channel", "action", "origin")
    exclude = ("subject", "notice_sha256", "sealed", "prev_hash", "hash")
    ordering = ("-id",)


@admin.register(ConsentState)
class ConsentStateAdmin(Window):
    list_display = ("customer_id", "purpose", "channel", "action", "is_given", "since", "valid_until", "origin")


@admin.register(Notice)
class NoticeAdmin(Window):
    list_display = ("version", "language", "created_at")
    exclude = ("sha256",)


@admin.register(Suppression)
class SuppressionAdmin(Window):
    list_display = ("id", "channel", "reason", "since", "lifted_at")
    exclude = ("lookup",)


@admin.register(Quarantine)
class QuarantineAdmin(Window):
    list_display = ("id", "received_at", "merchant", "source", "message_id", "field", "reason", "resolved_at")
    list_select_related = ("merchant",)
    exclude = ("sealed",)
    ordering = ("-id",)
