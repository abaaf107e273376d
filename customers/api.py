"""Events in, over HTTP: taken in, counted as known, or set aside with the field and the reason."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope
from accounts.services import once
from catalog.queries import merchant_of
from customers.contracts import Receipt
from customers.exceptions import BatchRefused
from customers.models import Quarantine, Source
from customers.services.events import MAX_BATCH, record_events, retry_quarantined
from customers.services.spec import CHANNELS, PROPERTIES

MAX_BODY = 4 * 2**20  # a thousand orders of forty products
MAX_KEY = 255
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text of yours, new for each new request: the same key and body again gets the first answer again.",
)


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "body_too_large"


class Context(serializers.Serializer):
    channel = serializers.ChoiceField(CHANNELS, required=False, help_text="Where it happened; web when left out.")


class EventIn(serializers.Serializer):
    """One event of Segment's e-commerce spec v2. Properties that are not of the event's name are left behind."""

    # The names are Segment's.
    messageId = serializers.CharField(  # noqa: N815
        max_length=100, help_text="Yours, and kept when you resend: known ids are ignored."
    )
    event = serializers.ChoiceField(sorted(PROPERTIES), help_text="In exactly this writing.")
    timestamp = serializers.DateTimeField(help_text="When it happened, with a zone; at most 5 minutes ahead.")
    userId = serializers.CharField(max_length=64, required=False, help_text="This or anonymousId.")  # noqa: N815
    anonymousId = serializers.CharField(max_length=100, required=False)  # noqa: N815
    context = Context(required=False)
    properties = serializers.DictField(
        required=False,
        help_text="As the spec names them for the event. `products` hold product_id or sku, quantity and price; "
        "`amount` is the line's total where it is not price × quantity. `request_id` is that of the recommendation it "
        "answers. Search text and reviews are sealed under the person's key, and left behind for anonymous visitors.",
    )


class BatchIn(serializers.Serializer):
    """Up to a thousand events at once. A single event may also be posted as it is, without a batch around it."""

    batch = EventIn(many=True, help_text=f"1 to {MAX_BATCH} events.")


class QuarantinedOut(serializers.Serializer):
    index = serializers.IntegerField(help_text="Its place in the batch, from 0.")
    message_id = serializers.CharField(allow_blank=True)
    field = serializers.CharField()
    reason = serializers.CharField(help_text="What is wrong, and what to do.")


class ReceiptOut(serializers.Serializer):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Ids that were taken in before; nothing changed.")
    quarantined = QuarantinedOut(
        many=True, help_text="Set aside whole, and can be tried again; the others are taken in."
    )


class QuarantineRow(serializers.ModelSerializer):
    class Meta:
        model = Quarantine
        fields = ["id", "message_id", "source", "field", "reason", "received_at"]


class RetryIn(serializers.Serializer):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MAX_BATCH
    )


def _merchant_id(request) -> int | None:
    merchant = merchant_of(request.user)
    return merchant and merchant.id


def _once(request, work) -> Response:
    """The answer of `work`, or the kept one when this Idempotency-Key came before with the same body."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY:
        raise serializers.ValidationError({"Idempotency-Key": f"At most {MAX_KEY} characters."})
    code, answer, is_repeated = once(request.user, key, request.data, work, door=f"{request.method} {request.path}")
    return Response(answer, status=code, headers={"Idempotent-Replayed": "true"} if is_repeated else {})


def _as_json(receipt: Receipt) -> dict:
    return dict(ReceiptOut(receipt).data)


class Events(APIView):
    scope = Scope.EVENTS_WRITE
    throttle_scope = "events"

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        # Nothing has read the body yet: what is too large is never parsed.
        size = request.META.get("CONTENT_LENGTH") or "0"
        if not size.isdecimal() or int(size) > MAX_BODY:
            raise BodyTooLarge(
                f"The body has {size} bytes and may have {MAX_BODY}, with at most {MAX_BATCH} events. Send it in parts."
            )

    @extend_schema(
        operation_id="events_create",
        summary="Send what happened",
        request=BatchIn,
        responses={202: ReceiptOut},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request):
        """Takes in every event that can be read, once for each messageId, and sets the others aside."""
        try:
            return self._take(request)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None

    def _take(self, request) -> Response:
        body = request.data
        batch = body.get("batch", [body]) if isinstance(body, dict) else body
        if not isinstance(batch, list):
            raise serializers.ValidationError({"batch": "Send a list of events."})
        merchant_id = _merchant_id(request)

        def work() -> tuple[int, dict]:
            try:
                return 202, _as_json(record_events(batch, merchant_id=merchant_id, source=Source.API))
            except BatchRefused as refusal:
                raise serializers.ValidationError({"batch": str(refusal)}) from None

        return _once(request, work)


@extend_schema_view(get=extend_schema(summary="Events that were set aside", operation_id="events_quarantine_list"))
class QuarantineList(ListAPIView):
    """Your own events that wait in the quarantine, newest first, each with its field, its reason and what to do."""

    scope = Scope.EVENTS_WRITE
    throttle_scope = "reads"
    serializer_class = QuarantineRow

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return Quarantine.objects.none()
        return Quarantine.objects.filter(merchant_id=_merchant_id(self.request), resolved_at=None)


class QuarantineRetry(APIView):
    scope = Scope.EVENTS_WRITE
    throttle_scope = "events"

    @extend_schema(
        operation_id="events_quarantine_retry",
        summary="Try events that were set aside again",
        request=RetryIn,
        responses={202: ReceiptOut},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request):
        """For what waited for a product or an order that has come since. Indexes count along `ids`."""
        wanted = RetryIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        ids, merchant_id = wanted.validated_data["ids"], _merchant_id(request)
        return _once(request, lambda: (202, _as_json(retry_quarantined(ids, merchant_id=merchant_id))))
