"""The demo's last words: what the first campaign did, from the same queries as the results page."""

from campaigns.queries import audience, measurement, progress
from campaigns.queries.audience import REASONS
from campaigns.queries.store import consent_totals, store_totals
from customers.queries.store import demo_store
from customers.services.consent import verify


def report(name: str) -> tuple[list[str], list[str]]:
    """(lines to read, problems). A problem is a promise of the demo that did not hold."""
    campaign = progress.find(name)
    gate = audience.waterfall(campaign.pk)
    results = measurement.results(campaign)
    store, people, consents = demo_store(), store_totals(), consent_totals("marketing", campaign.channel)
    funnel = results.funnel
    lines = [
        f"Store: {people.customers:,} customers, {people.orders:,} orders, {people.lines:,} lines. Dates moved by "
        f"{store.shift.days // 7} weeks; cut-off {store.cutoff_at:%Y-%m-%d %H:%M} UTC.",
        f"Consent to e-mail marketing (simulated): {consents.given:,} given, {consents.refused:,} refused, "
        f"{people.customers - consents.given - consents.refused:,} never asked.",
        "",
        f"“{campaign.name}”",
        f"  {gate.audience:>7,}  in the audience",
        *[f"  {-step.count:>7,}  {REASONS[step.reason]}" for step in gate.steps],
        f"  {gate.holdout:>7,}  held out by the fixed hash of “{campaign.salt}”",
        f"  {gate.treated:>7,}  treated: {funnel.sent:,} sent, {funnel.failed:,} failed, {funnel.skipped:,} skipped, "
        f"{funnel.unknown:,} unknown",
        f"  clicks: {_clicks(funnel)}",
        "",
        f"Results by intention to treat, replay until {results.window.until:%Y-%m-%d %H:%M} UTC:",
        *_arms(results),
        *[f"  {line}" for lift in (results.conversion, results.revenue) for line in _lift(lift)],
        *[f"  {line}" for line in _adjusted(results.adjusted)],
        f"  sample ratio: p = {results.ratio.p_value:.3f}, {'MISMATCH' if results.ratio.is_mismatch else 'as drawn'}",
        "  The replayed orders were made before anyone got this mail, so the true effect is zero:",
        "  an interval that includes zero is the right answer 95 times in 100.",
    ]
    faults = [str(fault) for fault, _ in zip(verify(), range(5), strict=False)]
    lines += ["", f"Consent ledger: {'verified, every chain holds' if not faults else 'FAULTS: ' + '; '.join(faults)}."]
    return lines, _problems(campaign, gate, results, faults)


def _clicks(funnel) -> str:
    if not funnel.clickers and not funnel.machine_clicks:
        return "none"
    return f"{funnel.clickers:,} people{' (simulated)' if funnel.clicks_simulated else ''}"


def _arms(results) -> list[str]:
    rows = []
    for label, arm in (("treated", results.treated), ("hold-out", results.holdout)):
        per_head = arm.revenue / arm.customers if arm.customers else 0
        rows.append(
            f"  {label:<9} {arm.customers:>6,} customers  {arm.converted:>6,} ordered  {arm.orders:>7,} orders  "
            f"{per_head:>9,.2f} {arm.currency} each"
        )
    return rows


def _lift(lift) -> list[str]:
    name = f"{lift.metric}, adjusted" if lift.adjusted_for else f"{lift.metric}"
    if lift.relative is None:
        return [f"{name}: {lift.verdict}. {lift.reason}"]
    interval = lift.relative
    return [
        f"{name}: lift {interval.estimate:+.1%}, 95 % interval {interval.low:+.1%} to {interval.high:+.1%}: "
        f"{lift.verdict}"
    ]


def _adjusted(adjusted) -> list[str]:
    if adjusted is None:
        return []
    (line,) = _lift(adjusted.lift)
    return [line, f"  (less what {adjusted.lift.adjusted_for} foretold: {adjusted.narrower:.0%} narrower)"]


def _problems(campaign, gate, results, faults: list[str]) -> list[str]:
    funnel, found = results.funnel, list(faults)
    if campaign.state != "sent":
        found.append(f"the first campaign is {campaign.state}, not sent")
    if funnel.sent + funnel.failed + funnel.skipped + funnel.unknown != gate.treated:
        found.append("treated people and messages do not add up")
    if not funnel.sent:
        found.append("nothing was sent")
    if funnel.failed or funnel.unknown:
        found.append(f"{funnel.failed} messages failed and {funnel.unknown} are unknown")
    if not any(step.reason == "no_consent" and step.count for step in gate.steps):
        found.append("nobody was excluded for want of consent, though some never gave it")
    if not results.treated.orders:
        found.append("no order arrived by the replay")
    return found
