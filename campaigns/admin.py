"""Windows on campaigns. Nothing is changed here: every change is a step with its checks, taken on the pages."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from campaigns import models

COUNTED = 2000  # rows: whoever looks for more narrows by hand


class Bounded(Paginator):
    """Never counts a long table to its end."""

    @cached_property
    def count(self):
        return self.object_list.order_by().values("pk")[:COUNTED].count()


class Window(admin.ModelAdmin):
    paginator = Bounded
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(models.Segment)
class SegmentWindow(Window):
    list_display = ("name", "slug", "size", "reachable", "counted_at", "version")


@admin.register(models.Campaign)
class CampaignWindow(Window):
    list_display = ("name", "state", "kind", "merchant", "scheduled_at", "started_at", "origin")
    list_select_related = ("merchant",)


@admin.register(models.MessageVariant)
class VariantWindow(Window):
    list_display = ("campaign", "segment", "label", "writer", "is_current", "created_at")
    list_select_related = ("campaign", "segment")


@admin.register(models.Approval)
class ApprovalWindow(Window):
    list_display = ("campaign", "approver", "audience_size", "digest", "at")
    list_select_related = ("campaign", "approver")


@admin.register(models.Transition)
class TransitionWindow(Window):
    list_display = ("campaign", "action", "from_state", "to_state", "actor", "at")
    list_select_related = ("campaign", "actor")


@admin.register(models.Message)
class MessageWindow(Window):
    list_display = ("id", "campaign", "customer", "channel", "state", "reason", "sent_at")
    list_select_related = ("campaign", "customer")
    exclude = ("lease_token",)


@admin.register(models.SurveyAnswer)
class SurveyWindow(Window):
    list_display = ("message", "score", "at", "origin")
    exclude = ("sealed_comment",)
