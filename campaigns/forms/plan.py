"""The composer's form: a plan as a marketer types it, kept as typed when something is wrong."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.contracts import BATCHES, ROUTES, Block, Trigger, TriggerKind
from campaigns.forms.block import BlockFields, initial_block
from campaigns.forms.caps import CapFields, initial_caps
from campaigns.models import Campaign, Codes
from campaigns.queries import planning
from campaigns.queries.places import moment
from campaigns.queries.segments import visible
from campaigns.queries.triggers import RULES
from campaigns.services.compose import Plan
from campaigns.services.endpoints import senders_of
from campaigns.services.senders import offered
from catalog.queries import merchants
from copywriting.services.briefs import festivals_ahead

MAX_SEGMENTS = 12  # more than anybody keeps apart in their head; each is one more text to review
MOST_WAVES = 5
LATE = timedelta(hours=6)  # a start missed by more asks for another review
# What stops a send by itself: the key of Campaign.stop_limits, by the field's name.
LIMITS = {"stop_bounced": "bounced", "stop_complained": "complained", "stop_unsubscribed": "unsubscribed"}
CHANNEL_WORDS = {
    "email": _("E-mail"),
    "sms": _("Text message"),
    "push": _("Push notification"),
    "social": _("Social network, as an audience"),
    "store": _("Coupon sheet in the store"),
    "webhook": _("Webhook"),
}
ON_RELEASE, AT_TIME, AT_LOCAL, ON_EVENT = "release", "time", "local", "event"
WHEN = [
    (ON_RELEASE, _("When somebody releases it, after the approval")),
    (AT_TIME, _("At a set time, at one moment for all")),
    (AT_LOCAL, _("At a set time by each recipient's own clock")),
    (ON_EVENT, _("Whenever an event names somebody")),
]
# The fields that decide when a plan goes out and how carefully; with the caps.
HOW_IT_GOES = {
    "channels", "holdout", "cap_days", "attribution_days", "when", "scheduled_at", "trigger", "wait", "again", "per_second",
    "waves", "wave_minutes", "keeps_email_quiet", *LIMITS,
}  # fmt: skip
TRIGGERS = [(kind.value, f"{rule.label} ({rule.unit})") for kind, rule in RULES.items()]


class PlanForm(CapFields, BlockFields):
    """Its segments are as many select fields as are asked for: the order of the fields is the priority."""

    name = forms.CharField(
        max_length=120, label=_("Name"), help_text=_("For you and your colleagues; no customer sees it.")
    )
    goal = forms.CharField(
        max_length=200, required=False, label=_("Goal"), help_text=_("What should be different afterwards?")
    )
    merchant = forms.ChoiceField(
        required=False, label=_("Merchant"), help_text=_("A merchant's campaign shows that merchant's products only.")
    )
    offer = forms.ChoiceField(required=False, label=_("Offer"))
    codes = forms.ChoiceField(
        required=False,
        choices=Codes.choices,
        widget=forms.RadioSelect,
        label=_("Coupon code"),
        help_text=_("Codes of one's own are made when the campaign starts, and each is good once."),
    )
    shared_code = forms.CharField(
        required=False, max_length=40, label=_("The code"), help_text=_("As the till knows it, such as SPRING15.")
    )
    festival = forms.ChoiceField(required=False, label=_("Festival"), help_text=_("The words may name it."))
    items_per_message = forms.IntegerField(min_value=1, max_value=12, label=_("Products per message"))
    channels = forms.MultipleChoiceField(
        choices=lambda: [(name, CHANNEL_WORDS[name]) for name in offered()],
        widget=forms.CheckboxSelectMultiple,
        label=_("Channels"),
        help_text=_("Everybody gets it on each of these that is open to them; nobody who is held out on any."),
        error_messages={"required": _("Choose at least one channel.")},
    )
    tone = forms.CharField(max_length=60, label=_("Tone"), help_text=_("Such as “warm and plain”."))
    holdout = forms.DecimalField(
        min_value=0,
        max_value=50,
        decimal_places=1,
        label=_("Hold-out, in %"),
        help_text=_("So many hear nothing, drawn by a fixed hash: without them nobody can say what the campaign did."),
    )
    cap_days = forms.IntegerField(
        min_value=0,
        max_value=90,
        label=_("Frequency cap, in days"),
        help_text=_("Who heard from us within them is left out. 0: no such cap."),
    )
    attribution_days = forms.IntegerField(
        min_value=1, max_value=90, label=_("Count orders for, in days"), help_text=_("From the start of the send.")
    )
    when = forms.ChoiceField(choices=WHEN, widget=forms.RadioSelect, label=_("Send"))
    scheduled_at = forms.DateTimeField(
        required=False,
        label=_("Day and time"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_(
            "For a set time: UTC, or what each recipient's clock shows. Missed by more than six hours, it asks again."
        ),
    )
    trigger = forms.ChoiceField(
        required=False, choices=[("", "–"), *TRIGGERS], label=_("Event"), help_text=_("And who is in a segment above.")
    )
    wait = forms.IntegerField(
        required=False, min_value=0, label=_("Its number"), help_text=_("Of hours or days, as the event says.")
    )
    again = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=730,
        label=_("The same person again after, in days"),
        help_text=_(
            "When an event names them once more. Empty: each person once. They stay in the arm of their first entry."
        ),
    )
    per_second = forms.IntegerField(
        min_value=1,
        max_value=1000,
        label=_("Messages a second"),
        help_text=_("At most; the mail server may be slower."),
    )

    utm_campaign = forms.CharField(
        required=False,
        max_length=60,
        label=_("UTM campaign"),
        help_text=_("Links to the shop then carry utm_source=attune, the channel, and this name. Empty: none."),
    )

    waves = forms.CharField(
        required=False,
        max_length=60,
        label=_("Waves, in %"),
        help_text=_(
            "Shares of each channel's messages that are out before the rest, such as “1, 10”. Empty: all at once."
        ),
    )
    wave_minutes = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=10_080,
        label=_("Minutes between two waves"),
        help_text=_("Bounces and complaints take some time to arrive."),
    )
    stop_bounced = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=100,
        decimal_places=2,
        label=_("Stop when more bounce, in %"),
    )
    stop_complained = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=100,
        decimal_places=2,
        label=_("Stop when more complain, in %"),
    )
    stop_unsubscribed = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=100,
        decimal_places=2,
        label=_("Stop when more unsubscribe, in %"),
        help_text=_("Empty: no such limit. A send that stops by itself waits until a person lets it go on."),
    )
    keeps_email_quiet = forms.BooleanField(
        required=False,
        label=_("E-mail waits for the morning as well"),
        help_text=_("Text messages and notifications always keep the quiet hours of the recipient's place."),
    )

    def __init__(self, data=None, *, campaign: Campaign | None = None, more_segments: int = 0):
        if (
            data is not None and "waves" not in data
        ):  # typed before these fields were there: nothing grows careless by it
            usual = _careful(campaign or Campaign())
            data = data.copy()
            data.update({name: value for name, value in usual.items() if value not in (None, False)})
        if data is not None and "cap_1_messages" not in data:
            data = data.copy()
            data.update(initial_caps(campaign))
        super().__init__(data, initial=initial_of(campaign))
        self.campaign = campaign
        segments = list(visible())
        choices = [("", "–"), *((str(s.pk), _sized(s)) for s in segments)]
        self.fields["channels"].choices = [(name, _reaching(name, segments)) for name in offered()]
        asked = sum(1 for name in data if re.fullmatch(r"segment_\d{1,2}", name)) if data is not None else 0
        known = len(self.initial.get("segment_ids", ())) + 1
        self.slots = min(max(asked, known, 2) + more_segments, MAX_SEGMENTS)
        self.segment_merchants = {str(s.pk): s.merchant_id for s in segments}
        chosen = [*self.initial.get("segment_ids", ()), *[""] * self.slots]
        for place in range(1, self.slots + 1):
            label = _("First segment") if place == 1 else (_("Segment %(place)s") % {"place": place})
            field = forms.ChoiceField(required=False, choices=choices, label=label, initial=chosen[place - 1])
            self.fields[f"segment_{place}"] = field
        self.add_caps(campaign, CHANNEL_WORDS)
        self.offers = {str(o.pk): o for o in planning.offers(campaign.offer_id if campaign else None)}
        self.fields["offer"].choices = [("", _("No offer")), *((pk, _offered(o)) for pk, o in self.offers.items())]
        calendar = festivals_ahead(timezone.now().date())
        self.fields["festival"].choices = [
            ("", "–"),
            *((key, f"{name}, {day:%Y-%m-%d}") for key, name, day in calendar),
        ]
        self.fields["merchant"].choices = [
            ("", _("All: the whole platform")),
            *((str(m.id), m.name) for m in merchants()),
        ]

    @property
    def segment_fields(self):
        return [self[f"segment_{place}"] for place in range(1, self.slots + 1)]

    @property
    def has_room(self) -> bool:
        return self.slots < MAX_SEGMENTS

    def clean_waves(self) -> tuple[float, ...]:
        """Shares of 0 to 1, each wider than the one before."""
        typed = [part for part in re.split(r"[,;\s]+", self.cleaned_data["waves"].replace("%", " ")) if part]
        shares = []
        for part in typed:
            if not re.fullmatch(r"\d{1,2}(\.\d{1,2})?", part) or not float(part):
                raise forms.ValidationError(
                    _("“%(part)s” is no share: write numbers above 0 and below 100, such as “1, 10”."),
                    params={"part": part},
                )
            shares.append(round(float(part) / 100, 6))
        if shares != sorted(set(shares)):
            raise forms.ValidationError(_("Each wave is larger than the one before: write them as in “1, 10”."))
        if len(shares) > MOST_WAVES:
            raise forms.ValidationError(_("At most %(most)s waves before the rest."), params={"most": MOST_WAVES})
        return tuple(shares)

    def clean(self):
        given = super().clean()
        merchant = given.get("merchant") or None
        if "webhook" in given.get("channels", ()) and (merchant and int(merchant)) not in senders_of():
            self.add_error("channels", _("This merchant has no endpoint whose sender writes messages: see Webhooks."))
        seen: set[str] = set()
        for place in range(1, self.slots + 1):
            name = f"segment_{place}"
            segment = given.get(name)
            if not segment:
                continue
            if segment in seen:
                self.add_error(name, _("This segment stands twice: clear one of the two."))
            seen.add(segment)
            owner = self.segment_merchants[segment]
            if owner is not None and str(owner) != merchant:
                self.add_error(
                    name, _("This segment belongs to a merchant: choose that merchant above, or another segment.")
                )
        offer = self.offers.get(given.get("offer") or "")
        if offer and offer.merchant_id is not None and str(offer.merchant_id) != merchant:
            self.add_error(
                "offer",
                _("This offer belongs to %(name)s: choose that merchant, or another offer.")
                % {"name": offer.merchant.name},
            )
        self._check_codes(given)
        self.check_caps(given)
        if given.get("when") == ON_EVENT:
            self._check_trigger(given)
        if given.get("when") in (AT_TIME, AT_LOCAL) and "scheduled_at" in given:
            self._check_time(given["scheduled_at"], by_clock=given["when"] == AT_LOCAL)
        return given

    def _check_trigger(self, given) -> None:
        if not given.get("trigger"):
            self.add_error("trigger", _("Choose the event that it answers."))
            return
        rule = RULES[TriggerKind(given["trigger"])]
        if "wait" in given and (given["wait"] is None or not rule.least <= given["wait"] <= rule.most):
            asked = {"least": rule.least, "most": rule.most, "unit": rule.unit}
            self.add_error("wait", _("From %(least)s to %(most)s: %(unit)s.") % asked)
        if given.get("again"):
            self._check_again(given, rule.least_again)

    def _check_again(self, given, least: int) -> None:
        if given["again"] < least:
            self.add_error(
                "again",
                _("At least %(least)s days: else one event would name the same person twice.") % {"least": least},
            )
        if BATCHES & set(given.get("channels", ())):
            self.add_error(
                "again", _("A file holds each person once: leave this empty, or choose channels without a file.")
            )

    def _check_codes(self, given) -> None:
        if given.get("codes") and not given.get("offer"):
            self.add_error("codes", _("A code opens an offer: choose the offer, or no code."))
        if given.get("codes") == Codes.SHARED and not given.get("shared_code"):
            self.add_error("shared_code", _("Type the code that everybody gets."))
        if "store" in given.get("channels", ()):
            self._check_sheet(given)

    def _check_sheet(self, given) -> None:
        if not given.get("codes"):
            self.add_error("codes", _("A coupon sheet needs codes: choose a shared code, or one for each person."))
        shared = given.get("shared_code") or ""
        if given.get("codes") == Codes.SHARED and shared and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", shared):
            self.add_error(
                "shared_code", _("A till reads letters, digits and hyphens: write the code with these alone.")
            )

    def _check_time(self, at, *, by_clock: bool) -> None:
        if at is None:
            self.add_error("scheduled_at", _("Choose a day and a time, or send it when somebody releases it."))
        elif (moment(_wall(at), settings.PLATFORM_ZONE) if by_clock else at) <= timezone.now():
            self.add_error(
                "scheduled_at", _("This time is over: choose one to come, or send it when somebody releases it.")
            )

    def plan(self) -> Plan:
        """What was typed, as the service wants it. Valid forms only."""
        given = self.cleaned_data
        return Plan(
            name=given["name"],
            goal=given["goal"],
            segment_ids=self._chosen(),
            offer_id=int(given["offer"]) if given["offer"] else None,
            merchant_id=int(given["merchant"]) if given["merchant"] else None,
            tone=given["tone"],
            items_per_message=given["items_per_message"],
            block=self.block(),
            festival=given["festival"],
            codes=given["codes"],
            shared_code=given["shared_code"] if given["codes"] == Codes.SHARED else "",
            utm_campaign=given["utm_campaign"],
            **self._how_it_goes(),
        )

    def foreseen(self) -> Plan | None:
        """The plan as far as it is typed, to be read before it is whole: what decides when it goes, how, and to whom. None while
        something of that is wrong.
        """
        self.full_clean()
        if any(name in HOW_IT_GOES or name.startswith("cap_") for name in self.errors):
            return None
        return Plan(name="", segment_ids=self._chosen(), **self._how_it_goes())

    def _chosen(self) -> tuple[int, ...]:
        chosen = [self.cleaned_data.get(f"segment_{place}") for place in range(1, self.slots + 1)]
        return tuple(dict.fromkeys(int(pk) for pk in chosen if pk))

    def _how_it_goes(self) -> dict:
        given = self.cleaned_data
        at, late, trigger, wall = given["scheduled_at"], LATE, None, ""
        if given["when"] == AT_LOCAL:
            # Until the audience is frozen nobody knows at which of its places the day begins first.
            wall = _wall(at)
            at = moment(wall, settings.PLATFORM_ZONE)
        if given["when"] == ON_EVENT:
            at, late, trigger = None, None, _trigger(given)
        if given["when"] == ON_RELEASE:
            # From now on, without an end: the release alone decides. An unchanged plan keeps its time and its digest.
            had = self.campaign is not None and self.campaign.late_after is None
            at, late = (had and self.campaign.scheduled_at) or timezone.now(), None
        return {
            "channels": tuple(given["channels"]),
            "holdout_share": float(given["holdout"] / 100),
            "cap_days": given["cap_days"],
            "caps": self.caps(),
            "attribution_days": given["attribution_days"],
            "scheduled_at": at,
            "local_at": wall,
            "late_after": late,
            "per_second": given["per_second"],
            "waves": given["waves"],
            "wave_wait": timedelta(minutes=given["wave_minutes"] or 0),
            "stop_limits": {outcome: float(given[name] / 100) for name, outcome in LIMITS.items() if given[name]},
            "keeps_email_quiet": given["keeps_email_quiet"],
            "trigger": trigger,
        }


def initial_of(campaign: Campaign | None) -> dict:
    plan = Plan(name="", segment_ids=()) if campaign is None else campaign
    waits_for_release = campaign is None or campaign.late_after is None
    trigger = None if campaign is None else Trigger.of(campaign.trigger)
    return {
        "name": plan.name,
        "goal": plan.goal,
        "merchant": plan.merchant_id or "",
        "segment_ids": [] if campaign is None else [part.segment_id for part in campaign.campaign_segments.all()],
        "offer": plan.offer_id or "",
        "channels": list(plan.channels),
        "tone": plan.tone,
        "items_per_message": plan.items_per_message,
        "holdout": round(plan.holdout_share * 100, 1),
        "cap_days": plan.cap_days,
        "attribution_days": plan.attribution_days,
        **initial_caps(campaign),
        "when": _when(plan, trigger, waits_for_release),
        "trigger": trigger.kind.value if trigger else "",
        "wait": trigger.wait if trigger else None,
        "again": trigger.again if trigger else None,
        "scheduled_at": datetime.fromisoformat(plan.local_at)
        if plan.local_at
        else None
        if waits_for_release
        else plan.scheduled_at,
        "per_second": plan.per_second,
        **_careful(campaign or Campaign()),
        "festival": plan.festival,
        "codes": plan.codes,
        "shared_code": plan.shared_code,
        "utm_campaign": plan.utm_campaign,
        **initial_block(plan.block if campaign is None else Block.of(campaign.block)),
    }


def _trigger(given) -> Trigger:
    return Trigger(TriggerKind(given["trigger"]), given["wait"], given["again"])


def _when(plan: Plan | Campaign, trigger: Trigger | None, waits_for_release: bool) -> str:
    if trigger:
        return ON_EVENT
    if plan.local_at:
        return AT_LOCAL
    return ON_RELEASE if waits_for_release else AT_TIME


def _wall(at: datetime) -> str:
    """What a clock shows, of a time that was typed: Django read it as UTC."""
    return at.strftime("%Y-%m-%dT%H:%M")


def _careful(campaign: Campaign) -> dict:
    """How carefully it goes out, as people type it; of a new campaign what is usual."""
    limits = {name: campaign.stop_limits.get(outcome) for name, outcome in LIMITS.items()}
    return {
        "waves": ", ".join(f"{round(100 * share, 2):g}" for share in campaign.waves),
        "wave_minutes": int(campaign.wave_wait.total_seconds() // 60),
        "keeps_email_quiet": campaign.keeps_email_quiet,
        **{name: None if limit is None else round(100 * limit, 2) for name, limit in limits.items()},
    }


def _sized(segment) -> str:
    return f"{segment.name} ({_('not counted') if segment.size is None else f'{segment.size:,}'})"


def _reaching(channel: str, segments) -> str:
    """The channel, and how few people it reaches where the segments are counted: consent and a way to them both."""
    counted = [
        segment.reach[ROUTES[channel].consent] for segment in segments if ROUTES[channel].consent in segment.reach
    ]
    if not counted:
        return CHANNEL_WORDS[channel]
    words = {"channel": CHANNEL_WORDS[channel], "people": f"{max(counted):,}"}
    return _("%(channel)s, open to at most %(people)s people of one segment") % words


def _offered(offer) -> str:
    whose = f", {offer.merchant.name}" if offer.merchant else ""
    label = f"{offer.title}, until {offer.ends_at:%Y-%m-%d}{whose}"
    return f"{label} (simulated)" if offer.origin == "simulated" else label
