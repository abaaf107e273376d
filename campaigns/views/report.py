"""The results to take along: as a table of plain numbers, and as a page to print. Both say what the page says."""

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.contracts import Capability, requires
from accounts.services import csv_lines
from campaigns.contracts import Lift
from campaigns.forms.words import AsOfForm
from campaigns.models import Campaign
from campaigns.queries import measurement, rates
from campaigns.queries.audience import REASONS, waterfall
from campaigns.views import figures
from campaigns.views.answers import campaign_or_404
from campaigns.views.results import ChannelRow, RateRow, channel_rows, rate_rows
from customers.services.evidence.pdf import Curve, Section, to_pdf

COLUMNS = ("part", "group", "metric", "value", "low", "high")
# What is counted of each wording, and the rates that are shares of what was handed over.
COUNTS = (
    "built", "handed_over", "delivered", "bounced", "complained", "clicked", "ordered", "revenue", "unsubscribed", "answers",
)  # fmt: skip


@requires(Capability.CAMPAIGN_READ)
@require_GET
def as_csv(request: HttpRequest, campaign_id: int) -> StreamingHttpResponse:
    """One figure a line: part, group, metric, value and, where there is one, its interval."""
    campaign, found = _found(request, campaign_id)
    answer = StreamingHttpResponse(csv_lines(COLUMNS, _rows(campaign, found)), content_type="text/csv")
    answer["Content-Disposition"] = f'attachment; filename="results-{campaign.pk}.csv"'
    return answer


@requires(Capability.CAMPAIGN_READ)
@require_GET
def as_pdf(request: HttpRequest, campaign_id: int) -> HttpResponse:
    campaign, found = _found(request, campaign_id)
    answer = HttpResponse(to_pdf(campaign.name, _sections(campaign, found)), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="results-{campaign.pk}.pdf"'
    return answer


def _found(request: HttpRequest, campaign_id: int) -> tuple[Campaign, measurement.Results]:
    campaign = campaign_or_404(campaign_id)
    form = AsOfForm(request.GET or None, latest=measurement.known_until())
    found = measurement.results(campaign, form.moment())
    if found is None:
        raise Http404("This campaign has not started: there are no results yet.")
    return campaign, found


def _rows(campaign: Campaign, found: measurement.Results) -> Iterator[tuple]:
    window = found.window
    yield "campaign", campaign.name, "since", window.since.isoformat(), "", ""
    yield "campaign", campaign.name, "until", window.until.isoformat(), "", ""
    if found.looked_at:
        yield "campaign", campaign.name, "intervals of the look at", found.looked_at.isoformat(), "", ""
    gate = waterfall(campaign.pk)
    if gate:
        yield from (("gate", step.reason, "people", step.count, "", "") for step in gate.steps)
    for arm in (found.treated, found.holdout):
        for metric in ("customers", "converted", "orders", "revenue", "currency"):
            yield "arm", arm.arm.value, metric, getattr(arm, metric), "", ""
    lifts = [found.conversion, found.revenue, *([found.adjusted.lift] if found.adjusted else [])]
    for lift in lifts:
        yield from _lift_rows("whole", lift)
    for part in found.segments:
        yield from _lift_rows(part.name, part.money)
    if found.ratio:
        yield "sample ratio", "whole", "p", found.ratio.p_value, "", ""
    for part in found.channels:
        yield from _lift_rows(f"open to {part.name}", part.money)
    groups = rates.groups(campaign, window)
    for group in rates.by_channel(groups):
        yield from _messages_rows(f"all / all / {group.channel}", group)
    for group in groups:
        name = f"{group.segment} / {group.label} / {group.channel}"
        yield from _messages_rows(name, group)
    for score, n in rates.answers(campaign).items():
        yield "survey", f"{score} of 5", "answers", n, "", ""
    for day in measurement.days(campaign, window):
        yield "day", day.day.isoformat(), "revenue per assigned customer, treated", day.treated, "", ""
        yield "day", day.day.isoformat(), "revenue per assigned customer, holdout", day.holdout, "", ""


def _messages_rows(name: str, group: rates.Group) -> Iterator[tuple]:
    yield from (("messages", name, metric, getattr(group, metric), "", "") for metric in COUNTS)
    yield "messages", name, "satisfaction", "" if group.satisfaction is None else group.satisfaction, "", ""


def _lift_rows(group: str, lift: Lift) -> Iterator[tuple]:
    metric = f"{lift.metric.value}, adjusted" if lift.adjusted_for else lift.metric.value
    for name, interval in (("difference", lift.difference), ("relative", lift.relative)):
        if interval:
            yield "lift", group, f"{metric}, {name}", interval.estimate, interval.low, interval.high
    yield "lift", group, f"{metric}, verdict", lift.verdict.value, "", ""


def _sections(campaign: Campaign, found: measurement.Results) -> list[Section]:
    parts = [_what_it_did(found), _arms(found)]
    days = measurement.days(campaign, found.window)
    if len(days) > 1:
        parts.append(Section(_("Revenue per assigned customer, added up day by day"), curve=_curve(days, found)))
    gate = waterfall(campaign.pk)
    if gate:
        rows = [(_("In the audience"), f"{gate.audience:,}")]
        rows += [(REASONS[step.reason], f"−{step.count:,}") for step in gate.steps]
        rows += [(_("Held out"), f"{gate.holdout:,}"), (_("Treated"), f"{gate.treated:,}")]
        parts.append(Section(_("From the audience to the arms"), rows=rows, widths=(0.8, 0.2)))
    counted = rates.groups(campaign, found.window)
    groups = rate_rows(campaign, counted)
    if found.channels:
        parts.append(_channels(channel_rows(campaign, counted)))
    if groups:
        parts.append(_rates(groups))
    if any(row.group.clicked_simulated for row in groups):
        parts.append(Section(_("What is simulated"), _("Clicks of this campaign come from a click simulator.")))
    return parts


def _what_it_did(found: measurement.Results) -> Section:
    times = {"since": f"{found.window.since:%Y-%m-%d %H:%M}", "until": f"{found.window.until:%Y-%m-%d %H:%M}"}
    text = _("Orders from %(since)s to %(until)s (UTC), by intention to treat.") % times
    return Section(
        _("What it did"),
        f"{text} {_('An interval that includes zero reads “cannot tell”.')}",
        (_("Metric"), _("Treated"), _("Hold-out"), _("Difference"), _("95 % interval"), _("Verdict")),
        [_lift_line(lift, found.treated.currency) for lift in (found.conversion, found.money)],
        (0.26, 0.13, 0.13, 0.13, 0.2, 0.15),
    )


def _arms(found: measurement.Results) -> Section:
    rows = [
        (
            arm.arm.value,
            f"{arm.customers:,}",
            f"{arm.converted:,}",
            f"{arm.orders:,}",
            figures.money(arm.revenue, arm.currency),
        )
        for arm in (found.treated, found.holdout)
    ]
    return Section(_("Arms"), "", (_("Arm"), _("Customers"), _("Ordered"), _("Orders"), _("Revenue")), rows)


def _curve(days: list[measurement.Day], found: measurement.Results) -> Curve:
    return Curve(
        [(_("Treated"), [day.treated for day in days]), (_("Hold-out"), [day.holdout for day in days])],
        f"{days[0].day:%Y-%m-%d}",
        f"{days[-1].day:%Y-%m-%d}",
        figures.money(max(max(day.treated, day.holdout) for day in days), found.treated.currency),
    )


def _channels(channels: list[ChannelRow]) -> Section:
    head = (
        _("Channel"), _("Handed over"), _("Clicked"), _("Ordered"), _("Revenue each"), _("Unsubscribed"), _("Satisfaction"),
        _("Cost"),
    )  # fmt: skip
    rows = [
        (
            _(row.rate.group.channel),
            f"{row.rate.group.handed_over:,}",
            *(one.words if one else "–" for one in (row.rate.clicked, row.rate.ordered)),
            row.rate.revenue_each,
            row.rate.unsubscribed.words if row.rate.unsubscribed else "–",
            row.rate.satisfaction,
            row.cost or "–",
        )
        for row in channels
    ]
    return Section(_("What each channel did"), _("Of the treated alone, so no lift."), head, rows)


def _rates(groups: list[RateRow]) -> Section:
    head = (
        _("Segment"), _("Wording"), _("Channel"), _("Handed over"), _("Clicked"), _("Ordered"), _("Unsubscribed"),
        _("Satisfaction"),
    )  # fmt: skip
    rows = [
        (
            row.group.segment,
            row.group.label,
            row.group.channel,
            f"{row.group.handed_over:,}",
            *(one.words if one else "–" for one in (row.clicked, row.ordered, row.unsubscribed)),
            row.satisfaction,
        )
        for row in groups
    ]
    return Section(_("By wording, segment and channel"), _("Of the treated alone, so no lift."), head, rows)


def _lift_line(lift: Lift, currency: str) -> tuple[str, ...]:
    one = figures.measured(lift, currency)
    if one.absolute is None:
        return one.title, one.treated, one.holdout, "–", "–", one.verdict
    interval = figures.between(one.absolute.low_label, one.absolute.high_label)
    return one.title, one.treated, one.holdout, one.absolute.point_label, interval, one.verdict
