"""/api/v1/descriptions/: texts for a merchant's products in bulk, written by a worker and accepted one by one.

What is asked for is a job: its progress, its drafts with findings and the source of every fact, and what was accepted.
"""

from django.conf import settings
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope
from accounts.services import once
from catalog import queries as catalog
from copywriting import queries
from copywriting.contracts import CHANNELS, DESCRIPTION, LOCALES, MARKET_NAMES, CopyBrief
from copywriting.exceptions import BriefInvalid, NotAcceptable, UnknownSlot
from copywriting.models import Draft, Job, Piece
from copywriting.services import jobs
from copywriting.services.briefs import description_brief, festivals_ahead, judge, realise
from copywriting.services.drafts import stated_in
from copywriting.tasks import nudge, write

MOST = 500  # products of one job: at three seconds of a core each, half an hour
MAX_BODY = 2**18  # five hundred ids of 64 characters, with room
MAX_KEY = 255
PAGE = 50
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text of yours, new for each new request: the same key and body again gets the first answer again.",
)


class NotKnown(serializers.ValidationError):
    """A named object that the caller cannot see, for there is none or it is somebody else's: both look the same."""

    status_code = status.HTTP_404_NOT_FOUND


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "body_too_large"


def _phrases(what: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, default=list, max_length=6, help_text=what
    )


class AskedIn(serializers.Serializer):
    """What is to be written. Unknown fields are refused: a wish that is not understood would seem to be heard."""

    products = serializers.ListField(
        child=serializers.CharField(max_length=64),
        min_length=1,
        max_length=MOST,
        help_text="Your own ids, each once, as in `external_id` of products.",
    )
    merchant = serializers.CharField(
        max_length=64, required=False, help_text="For the platform's key: whose products. Without it, its own."
    )
    channel = serializers.ChoiceField(sorted(CHANNELS), default=DESCRIPTION)
    locale = serializers.ChoiceField(LOCALES, default="en")
    market = serializers.ChoiceField(MARKET_NAMES, required=False, help_text="Whose law it keeps; that of the locale.")
    tone = serializers.CharField(max_length=60, default="friendly")
    audience = serializers.CharField(
        max_length=120,
        default="people who look at this product",
        help_text="All that a writer hears of the readers: a phrase that you could say to their faces.",
    )
    must_say = _phrases("Phrases, or slots in braces such as {size}.")
    never_say = _phrases("Words and phrases.")
    festival = serializers.CharField(max_length=20, required=False, help_text="A key such as double-11.")
    name = serializers.CharField(max_length=120, default="Descriptions", help_text="For you.")

    def to_internal_value(self, data):
        if not isinstance(data, dict):
            raise serializers.ValidationError({"body": "Send a JSON object with a list of products."})
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            remedy = f"There is no such field. The fields are {', '.join(self.fields)}."
            raise serializers.ValidationError({name[:80]: remedy for name in unknown})
        return super().to_internal_value(data)

    def validate_festival(self, value: str) -> str:
        known = [key for key, _name, _day in festivals_ahead(timezone.localdate())]
        if value and value not in known:
            raise serializers.ValidationError(f"No such festival; choose one of {', '.join(sorted(known))}.")
        return value

    def validate_products(self, value: list[str]) -> list[str]:
        twice = sorted({one for one in value if value.count(one) > 1}) if len(set(value)) < len(value) else []
        if twice:
            raise serializers.ValidationError(f"Named more than once: {', '.join(twice[:5])}. Name each once.")
        return value


class FindingOut(serializers.Serializer):
    rule = serializers.CharField()
    severity = serializers.ChoiceField(("error", "warning"))
    part = serializers.ChoiceField(("subject", "body"))
    start = serializers.SerializerMethodField(help_text="In the slotted text.")
    end = serializers.SerializerMethodField()
    message = serializers.CharField()
    remedy = serializers.CharField()

    def get_start(self, finding) -> int:
        return finding.span[0]

    def get_end(self, finding) -> int:
        return finding.span[1]


class SourceOut(serializers.Serializer):
    part = serializers.ChoiceField(("subject", "body"))
    start = serializers.IntegerField(help_text="In `subject` or `body`.")
    end = serializers.IntegerField()
    fact = serializers.CharField(source="slot")
    source = serializers.CharField(help_text="The row and version, such as catalog.product:12@3.")


class DraftOut(serializers.Serializer):
    id = serializers.IntegerField()
    writer = serializers.ChoiceField(Draft.Writer.choices)
    subject = serializers.CharField(help_text="As readers see it, every fact in place.")
    body = serializers.CharField()
    slotted = serializers.CharField(help_text="The body as it was written, facts open.")
    is_usable = serializers.BooleanField(help_text="No finding is an error: it can be accepted.")
    is_accepted = serializers.BooleanField()
    findings = FindingOut(many=True)
    sources = SourceOut(many=True, help_text="Where each fact stands, and the row that it comes from.")


class ResultOut(serializers.Serializer):
    product = serializers.CharField(allow_null=True, help_text="Your own id; null when the product is gone.")
    error = serializers.CharField(allow_blank=True, help_text="Why nothing was written, and what to change.")
    drafts = DraftOut(many=True)


class JobOut(serializers.ModelSerializer):
    state = serializers.CharField(source="run.state", default="queued")
    share_done = serializers.FloatField(source="run.share_done", default=0.0)
    merchant = serializers.CharField(source="merchant.external_id", default=None, allow_null=True)

    class Meta:
        model = Job
        fields = ("id", "name", "merchant", "state", "share_done", "created_at")


class JobDetailOut(JobOut):
    asked = serializers.IntegerField(help_text="Texts that were asked for.")
    written = serializers.IntegerField()
    accepted = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    results = ResultOut(many=True, help_text=f"{PAGE} at a time, in your order.")
    next = serializers.CharField(allow_null=True, help_text="Where the results go on.")

    class Meta(JobOut.Meta):
        fields = (*JobOut.Meta.fields, "asked", "written", "accepted", "error", "results", "next")


class AcceptIn(serializers.Serializer):
    drafts = serializers.ListField(child=serializers.IntegerField(min_value=1), min_length=1, max_length=MOST)


class RefusedOut(serializers.Serializer):
    draft = serializers.IntegerField()
    reason = serializers.CharField()


class AcceptOut(serializers.Serializer):
    """Each accepted description stands on its product now; a refused one changed nothing."""

    accepted = serializers.ListField(child=serializers.IntegerField())
    refused = RefusedOut(many=True)


def _reachable(request):
    """The jobs of this caller; those of others do not exist for them."""
    merchant = catalog.merchant_of(request.user)
    return queries.jobs(merchant and merchant.id).filter(kind=Job.Kind.DESCRIPTIONS)


def _key(request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY:
        raise serializers.ValidationError({"Idempotency-Key": f"At most {MAX_KEY} characters."})
    return key


class Descriptions(generics.ListAPIView):
    serializer_class = JobOut

    @property
    def scope(self) -> str:
        return Scope.PRODUCTS_WRITE if self.request.method == "POST" else Scope.PRODUCTS_READ

    @property
    def throttle_scope(self) -> str:
        return "copy" if self.request.method == "POST" else "reads"

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        size = request.META.get("CONTENT_LENGTH") or "0"
        if not size.isdecimal() or int(size) > MAX_BODY:
            raise BodyTooLarge(f"The body has {size} bytes and may have {MAX_BODY}. Ask for it in parts.")

    def get_queryset(self):
        return Job.objects.none() if getattr(self, "swagger_fake_view", False) else _reachable(self.request)

    @extend_schema(operation_id="descriptions_list", summary="What you asked for, newest first")
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="descriptions_create",
        summary="Ask for texts for products",
        request=AskedIn,
        responses={202: JobOut},
        parameters=[IDEMPOTENCY_KEY],
        description="A worker writes them, at about three seconds each. Look at the job for progress and drafts.",
    )
    def post(self, request):
        key = _key(request)
        asked = AskedIn(data=request.data)
        asked.is_valid(raise_exception=True)
        code, answer, is_repeated = once(
            request.user,
            key,
            request.data,
            lambda: self._ask(request, asked.validated_data),
            door=f"{request.method} {request.path}",
        )
        address = request.build_absolute_uri(reverse("api:description", args=[answer["id"]]))
        headers = {"Location": address} | ({"Idempotent-Replayed": "true"} if is_repeated else {})
        return Response(answer, status=code, headers=headers)

    def _ask(self, request, wish: dict) -> tuple[int, dict]:
        merchant = self._merchant(request, wish)
        products = catalog.own_products(wish["products"], merchant_id=merchant and merchant.id)
        unknown = {f"products[{place}]": [f"No product {one!r} of yours."]
                   for place, one in enumerate(wish["products"]) if one not in products}  # fmt: skip
        if unknown:
            raise NotKnown(unknown)
        briefs, problems = [], {}
        for place, external_id in enumerate(wish["products"]):
            try:
                briefs.append(_brief(products[external_id], merchant, wish, place))
            except BriefInvalid as reason:
                problems[f"products[{place}]"] = [str(reason)]
        if problems:
            raise serializers.ValidationError(problems)
        with transaction.atomic():
            job = jobs.ask(
                Job.Kind.DESCRIPTIONS, wish["name"], briefs, actor=request.user, asked=wish,
                merchant_id=merchant and merchant.id,
            )  # fmt: skip
            nudge(write, job.run_id)
        return status.HTTP_202_ACCEPTED, dict(JobOut(_reachable(request).get(pk=job.pk)).data)

    @staticmethod
    def _merchant(request, wish: dict):
        own = catalog.merchant_of(request.user)
        if own is not None or "merchant" not in wish:
            return own
        named = catalog.merchant(wish["merchant"])
        if named is None:
            raise NotKnown({"merchant": ["No such merchant."]})
        return named


def _brief(product, merchant, wish: dict, place: int):
    brief = description_brief(
        product,
        store=merchant.name if merchant else settings.BRAND,
        audience=wish["audience"],
        seed=place + 1,
        channel=wish["channel"],
        locale=wish["locale"],
        market=wish.get("market", ""),
        tone=wish["tone"],
        festival=wish.get("festival", ""),
        must_say=tuple(wish["must_say"]),
        never_say=tuple(wish["never_say"]),
    )
    return brief, product.id


class Description(APIView):
    scope = Scope.PRODUCTS_READ
    throttle_scope = "reads"

    @extend_schema(
        operation_id="descriptions_retrieve",
        summary="How far it is, and the drafts",
        responses=JobDetailOut,
        parameters=[OpenApiParameter("from", int, description="The place of the first result, from 0.")],
    )
    def get(self, request, job_id: int):
        job = get_object_or_404(_reachable(request), pk=job_id)
        text = request.query_params.get("from", "0")
        if not (text.isascii() and text.isdecimal() and len(text) < 9):
            raise serializers.ValidationError({"from": "A place is a whole number from 0."})
        rows = list(queries.pieces(job.pk).filter(place__gte=int(text))[: PAGE + 1])
        asked, written, accepted = queries.tally([job.pk]).get(job.pk, (0, 0, 0))
        goes_on = f"{reverse('api:description', args=[job.pk])}?from={rows[PAGE].place}" if len(rows) > PAGE else None
        job.results = [_result(piece) for piece in rows[:PAGE]]
        job.asked, job.written, job.accepted = asked, written, accepted
        job.error = job.run.error if job.run else ""
        job.next = request.build_absolute_uri(goes_on) if goes_on else None
        return Response(JobDetailOut(job).data)


def _result(piece: Piece) -> dict:
    drafts = piece.generation.drafts.all() if piece.generation else ()
    brief = CopyBrief.of(piece.brief)
    return {
        "product": piece.product.external_id if piece.product else None,
        "error": piece.error,
        "drafts": [_draft(draft, brief, piece) for draft in drafts],
    }


def _draft(draft: Draft, brief: CopyBrief, piece: Piece) -> dict:
    stated = stated_in(draft)
    findings = judge(brief, draft.subject, draft.body, writer=draft.writer, stated=stated)
    try:
        real = realise(brief, draft.subject, draft.body)
        subject, body, spans = real.subject, real.body, real.spans
    except UnknownSlot:  # a finding says so
        subject, body, spans = draft.subject, draft.body, ()
    return {
        "id": draft.pk,
        "writer": draft.writer,
        "subject": subject,
        "body": body,
        "slotted": draft.body,
        "is_usable": not any(one.severity == "error" for one in findings),
        "is_accepted": draft.pk == piece.accepted_id,
        "findings": findings,
        "sources": spans,
    }


class AcceptDescriptions(APIView):
    scope = Scope.PRODUCTS_WRITE
    throttle_scope = "copy"

    @extend_schema(
        operation_id="descriptions_accept",
        summary="Take drafts: each description is written to its product",
        request=AcceptIn,
        responses=AcceptOut,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request, job_id: int):
        job = get_object_or_404(_reachable(request), pk=job_id)
        wish = AcceptIn(data=request.data)
        wish.is_valid(raise_exception=True)
        code, answer, is_repeated = once(
            request.user,
            _key(request),
            request.data,
            lambda: (200, self._accept(request, job, wish.validated_data)),
            door=f"{request.method} {request.path}",
        )
        return Response(answer, status=code, headers={"Idempotent-Replayed": "true"} if is_repeated else {})

    @staticmethod
    def _accept(request, job: Job, wish: dict) -> dict:
        places = queries.pieces_of_drafts(job.pk, wish["drafts"])
        unknown = {f"drafts[{place}]": ["No draft of this job."]
                   for place, one in enumerate(wish["drafts"]) if one not in places}  # fmt: skip
        if unknown:
            raise NotKnown(unknown)
        accepted, refused = [], []
        for draft_id in wish["drafts"]:
            try:
                jobs.accept(places[draft_id], draft_id, actor=request.user)
            except NotAcceptable as reason:
                refused.append({"draft": draft_id, "reason": str(reason)})
            else:
                accepted.append(draft_id)
        return {"accepted": accepted, "refused": refused}
