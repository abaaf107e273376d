"""GET /api/v1/campaigns/ and /api/v1/campaigns/{id}/results/: a merchant's own campaigns, and what they did."""

from datetime import datetime

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Capability, Scope
from campaigns.contracts import Verdict
from campaigns.models import Campaign, Origin
from campaigns.queries import measurement, overview
from campaigns.services import disclosure
from campaigns.state import Kind
from catalog.queries import merchant_of


class CampaignOut(serializers.ModelSerializer):
    merchant = serializers.CharField(source="merchant.external_id", default=None, allow_null=True)
    offer = serializers.CharField(source="offer.title", default=None, allow_null=True)
    origin = serializers.ChoiceField(choices=Origin.choices)

    class Meta:
        model = Campaign
        fields = (
            "id", "name", "goal", "kind", "state", "channels", "merchant", "offer", "holdout_share", "attribution_days",
            "scheduled_at", "started_at", "finished_at", "origin",
        )  # fmt: skip


class WindowOut(serializers.Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    is_complete = serializers.BooleanField(help_text="The attribution window has ended.")
    is_replay = serializers.BooleanField(help_text="Counts replayed orders ahead of the clock: no true effect.")


class ArmOut(serializers.Serializer):
    """For a merchant every figure carries noise; null is too few to show."""

    customers = serializers.IntegerField(
        allow_null=True, help_text="All who were assigned, also those who were skipped later."
    )
    converted = serializers.IntegerField(
        allow_null=True, help_text="Of them, those with at least one order in the window."
    )
    orders = serializers.IntegerField(allow_null=True, help_text="Not told to merchants.")
    revenue = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    currency = serializers.CharField()


class IntervalOut(serializers.Serializer):
    estimate = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    level = serializers.FloatField()


class Money(serializers.DecimalField):
    """A measured amount: rounded, as a string like every decimal."""

    def __init__(self, **kwargs):
        super().__init__(max_digits=16, decimal_places=4, **kwargs)

    def to_representation(self, value):
        return f"{value:.4f}"


class MoneyIntervalOut(IntervalOut):
    estimate = Money()
    low = Money()
    high = Money()


class LiftOut(serializers.Serializer):
    treated = serializers.FloatField(allow_null=True)
    holdout = serializers.FloatField(allow_null=True)
    difference = IntervalOut(allow_null=True)
    relative = IntervalOut(allow_null=True, help_text="0.05 reads five per cent more.")
    verdict = serializers.ChoiceField(choices=[str(verdict) for verdict in Verdict])
    reason = serializers.CharField()
    method = serializers.CharField()
    is_always_valid = serializers.BooleanField(
        help_text="True: the intervals hold over all daily looks. False: there is none to hold."
    )
    adjusted_for = serializers.CharField(help_text="What from before the start is taken out; empty: nothing.")


class MoneyLiftOut(LiftOut):
    treated = Money(allow_null=True)
    holdout = Money(allow_null=True)
    difference = MoneyIntervalOut(allow_null=True)


class SampleRatioOut(serializers.Serializer):
    treated = serializers.IntegerField(allow_null=True)
    holdout = serializers.IntegerField()
    expected_share = serializers.FloatField()
    p_value = serializers.FloatField()
    is_mismatch = serializers.BooleanField(help_text="True: the figures cannot be trusted.")


class FunnelOut(serializers.Serializer):
    treated = serializers.IntegerField(allow_null=True)
    sent = serializers.IntegerField(allow_null=True)
    failed = serializers.IntegerField(allow_null=True)
    skipped = serializers.IntegerField(allow_null=True)
    unknown = serializers.IntegerField(allow_null=True, help_text="May have been sent; never sent again by itself.")
    clicked = serializers.IntegerField(source="clickers", allow_null=True, help_text="People, without known scanners.")
    clicks_origin = serializers.SerializerMethodField()
    survey_answers = serializers.IntegerField(allow_null=True)
    survey_mean = serializers.FloatField(allow_null=True)
    ordered = serializers.IntegerField(allow_null=True)

    def get_clicks_origin(self, funnel) -> str:
        return "simulated" if funnel.clicks_simulated else "observed"


class PrivacyOut(serializers.Serializer):
    """How the figures were protected."""

    unit = serializers.CharField(
        help_text="Whom the noise hides and what is counted: a household, a person with all who share an address or a "
        "number with them, and everything they did."
    )
    mechanism = serializers.CharField()
    epsilon = serializers.FloatField(help_text="What the answer took from the merchant's budget of the quarter.")
    delta = serializers.FloatField()
    answered_at = serializers.DateTimeField()
    is_repeated = serializers.BooleanField(help_text="The answer given before: it cost nothing.")
    people_error = serializers.FloatField(help_text="Expected absolute error of each number of people.")
    money_error = serializers.DecimalField(max_digits=16, decimal_places=2)
    money_cap = serializers.DecimalField(
        max_digits=16, decimal_places=2, help_text="What a household spent beyond this does not count."
    )
    too_few = serializers.ListField(
        child=serializers.CharField(), help_text="Figures held back: their expected error is above 20 %."
    )


class AdjustedOut(serializers.Serializer):
    lift = MoneyLiftOut()
    correlation = serializers.FloatField(help_text="Of past and revenue, within the arms.")
    narrower = serializers.FloatField(help_text="By this share than without, 0 to 1.")


class ResultsOut(serializers.Serializer):
    window = WindowOut()
    looked_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Of the intervals: the last daily look. null before the first, a day after the start.",
    )
    treated = ArmOut()
    holdout = ArmOut()
    conversion = LiftOut()
    revenue = MoneyLiftOut(help_text="Per assigned customer.")
    adjusted = AdjustedOut(
        allow_null=True, help_text="Revenue less what earlier spending foretold (CUPED): the figure that is judged."
    )
    sample_ratio = SampleRatioOut(source="ratio", allow_null=True, help_text="null without a hold-out.")
    funnel = FunnelOut()
    privacy = serializers.SerializerMethodField(help_text="null where the figures are exact: for the platform itself.")
    orders_origin = serializers.SerializerMethodField()

    @extend_schema_field(PrivacyOut(allow_null=True))
    def get_privacy(self, results) -> dict | None:
        told = getattr(results, "privacy", None)
        return None if told is None else PrivacyOut(told).data

    def get_orders_origin(self, results) -> str:
        return "observed"  # simulated orders never count


class MeasuredOut(serializers.Serializer):
    campaign = CampaignOut()
    results = ResultsOut(
        allow_null=True,
        help_text="null before the start, for campaigns sent elsewhere, and for a merchant before `available_from`.",
    )
    available_from = serializers.DateTimeField(
        allow_null=True, help_text="When the merchant is first told: a week after the start. null for the platform."
    )


def reach_of(request):
    """The campaigns that this caller may see: a merchant's own, or all of them for the platform."""
    merchant = merchant_of(request.user)
    rows = overview.campaigns()
    return rows if merchant is None else rows.filter(merchant=merchant.id)


@extend_schema(summary="Campaigns, newest first")
class Campaigns(generics.ListAPIView):
    scope = Scope.CAMPAIGNS_READ
    capability = Capability.CAMPAIGN_READ
    throttle_scope = "reads"
    serializer_class = CampaignOut
    queryset = Campaign.objects.none()  # for the schema; what a caller sees comes from their reach

    def get_queryset(self):
        return reach_of(self.request)


class CampaignResults(APIView):
    scope = Scope.CAMPAIGNS_READ
    capability = Capability.CAMPAIGN_READ
    throttle_scope = "reads"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "as_of", str, description="A day (to its end) or a time with zone; what is known now unless told."
            )
        ],
        responses=MeasuredOut,
        summary="Lift of the treated over the hold-out, with intervals",
        description=(
            "By intention to treat. Another merchant's campaign is 404. Money is a string; shares are numbers. "
            "A merchant's figures carry noise (differential privacy), move once a week, and take from a budget a quarter: "
            "429 when it is spent. A repeated question costs nothing."
        ),
    )
    def get(self, request, campaign_id: int):
        campaign = get_object_or_404(reach_of(request), pk=campaign_id)
        as_of = _moment(request.query_params.get("as_of"))
        told, measured = None, None
        if campaign.kind != Kind.HISTORY:
            if merchant_of(request.user) is None:
                measured = measurement.results(campaign, as_of)
            else:
                told = disclosure.first_moment(campaign)
                measured = disclosure.results(campaign, as_of, actor_id=request.user.pk)
        return Response(MeasuredOut({"campaign": campaign, "results": measured, "available_from": told}).data)


def _moment(text: str | None) -> datetime | None:
    """The moment that was asked for; None for what is known now. Raises ValidationError naming the field."""
    if not text:
        return None
    latest = measurement.known_until()
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError:
        day = moment = None
    if day is not None and day <= latest.date():
        return measurement.end_of(day, latest)
    if day is not None or (moment is not None and timezone.is_aware(moment) and moment > latest):
        remedy = f"Orders are known until {latest:%Y-%m-%dT%H:%M:%SZ}; ask for that or earlier."
        raise serializers.ValidationError({"as_of": remedy})
    if moment is None or timezone.is_naive(moment):
        remedy = "Not a day like 2026-03-31 or a time with zone like 2026-03-31T12:00:00Z."
        raise serializers.ValidationError({"as_of": remedy})
    return moment
