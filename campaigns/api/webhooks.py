"""/api/v1/webhooks/: where events are posted, by Standard Webhooks."""

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope
from accounts.services import once
from campaigns.contracts import HOOK_KINDS
from campaigns.exceptions import EndpointRefused
from campaigns.models import WebhookDelivery, WebhookEndpoint
from campaigns.queries import webhooks as queries
from campaigns.services import endpoints, telling
from catalog.queries import merchant_of

HOW = """Posts are signed as standardwebhooks.com says: `webhook-id`, `webhook-timestamp` and `webhook-signature` (v1,
HMAC-SHA256 by the secret, `whsec_…`). Verify the signature over the raw body, refuse what is older than five minutes, and
ignore a `webhook-id` that you know. Answer 2xx within five seconds. Anything else is tried again after 5 s, 5 min, 30 min,
2 h, 5 h, 10 h, 14 h, 20 h and 24 h; 410 switches the endpoint off. No redirect is followed and no private address called.
The body is `{"type", "timestamp", "data"}`; `data` has ids (`campaign`, `message`, `order`, `customer` as your own id) and
no other word about a person. A merchant hears of people only what its own sender wrote (`message.*`) and who said no to it.

Kinds: """ + "; ".join(f"`{kind}`: {words}" for kind, words in HOOK_KINDS.items())

MAX_KEY = 255
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text of yours, new for each new request: the same key and body again gets the first answer again, "
    "a secret in it included, for a week.",
)


class EndpointIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=500, help_text="https, at an address that the internet knows.")
    kinds = serializers.ListField(child=serializers.ChoiceField(list(HOOK_KINDS)), min_length=1)


class EndpointOut(serializers.ModelSerializer):
    class Meta:
        model = WebhookEndpoint
        fields = ("id", "name", "url", "kinds", "created_at", "disabled_at", "disabled_reason")


class SecretOut(serializers.Serializer):
    secret = serializers.CharField(help_text="Shown this once. Attune keeps it sealed.")


class NewEndpointOut(EndpointOut):
    secret = serializers.CharField(help_text="Shown this once. Attune keeps it sealed.")

    class Meta(EndpointOut.Meta):
        fields = (*EndpointOut.Meta.fields, "secret")


class AttemptOut(serializers.Serializer):
    at = serializers.DateTimeField()
    is_taken = serializers.BooleanField()
    words = serializers.CharField()
    took_ms = serializers.IntegerField()


class DeliveryOut(serializers.ModelSerializer):
    webhook_id = serializers.SerializerMethodField()
    data = serializers.SerializerMethodField()
    attempts = AttemptOut(many=True)

    class Meta:
        model = WebhookDelivery
        fields = ("id", "webhook_id", "kind", "at", "state", "tries", "not_before", "data", "attempts")

    def get_webhook_id(self, delivery) -> str:
        return f"evt_{delivery.event.hex}"

    def get_data(self, delivery) -> dict:
        return telling.facts(delivery)


def _own(request):
    merchant = merchant_of(request.user)
    return queries.endpoints(merchant and merchant.id)


def _asked(request) -> endpoints.NewEndpoint:
    given = EndpointIn(data=request.data)
    given.is_valid(raise_exception=True)
    said, merchant = given.validated_data, merchant_of(request.user)
    return endpoints.NewEndpoint(said["name"], said["url"], tuple(said["kinds"]), merchant and merchant.id)


def _once(request, work, status: int, body: object = None) -> Response:
    """`status` with the answer of `work`, or with the kept one when this Idempotency-Key came before with the same body.

    What is kept beside the key holds a secret as it rests elsewhere: sealed.
    """
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY:
        raise serializers.ValidationError({"Idempotency-Key": f"At most {MAX_KEY} characters."})
    try:
        code, answer, is_repeated = once(
            request.user, key, body, lambda: (status, work()), door=f"{request.method} {request.path}"
        )
    except EndpointRefused as refusal:
        raise serializers.ValidationError({refusal.field: refusal.reason}) from None
    if answer and "secret" in answer:
        answer = answer | {"secret": endpoints.opened(answer["secret"])}
    return Response(answer, status=code, headers={"Idempotent-Replayed": "true"} if is_repeated else {})


class _Webhooks:
    scope = Scope.WEBHOOKS_WRITE
    throttle_scope = "reads"


class Endpoints(_Webhooks, generics.ListAPIView):
    serializer_class = EndpointOut
    queryset = WebhookEndpoint.objects.none()  # for the schema

    def get_queryset(self):
        return _own(self.request)

    @extend_schema(summary="Your endpoints", operation_id="webhooks_list")
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Register an endpoint", operation_id="webhooks_create", description=HOW, request=EndpointIn,
        responses={201: NewEndpointOut}, parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def post(self, request):
        def work() -> dict:
            endpoint, secret = endpoints.register(_asked(request), actor=request.user)
            return EndpointOut(endpoint).data | {"secret": endpoints.sealed(secret)}

        return _once(request, work, 201, request.data)


class OneEndpoint(_Webhooks, APIView):
    @extend_schema(summary="One endpoint", operation_id="webhooks_get", responses=EndpointOut)
    def get(self, request, endpoint_id: int):
        return Response(EndpointOut(get_object_or_404(_own(request), pk=endpoint_id)).data)

    @extend_schema(
        summary="Change an endpoint; one that was switched off is on again", operation_id="webhooks_change",
        request=EndpointIn, responses=EndpointOut,
    )  # fmt: skip
    def put(self, request, endpoint_id: int):
        endpoint = get_object_or_404(_own(request), pk=endpoint_id)
        try:
            endpoints.change(endpoint, _asked(request), actor=request.user)
        except EndpointRefused as refusal:
            raise serializers.ValidationError({refusal.field: refusal.reason}) from None
        endpoint.refresh_from_db()
        return Response(EndpointOut(endpoint).data)

    @extend_schema(
        summary="Delete an endpoint, with what waits for it", operation_id="webhooks_delete", responses={204: None}
    )
    def delete(self, request, endpoint_id: int):
        endpoints.remove(get_object_or_404(_own(request), pk=endpoint_id), actor=request.user)
        return Response(status=204)


class Rotate(_Webhooks, APIView):
    @extend_schema(
        summary="A new secret", operation_id="webhooks_rotate", request=None, responses={201: SecretOut},
        description="The old one signs beside it for 24 hours, so that you can change over in between.",
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def post(self, request, endpoint_id: int):
        def work() -> dict:
            endpoint = get_object_or_404(_own(request), pk=endpoint_id)
            return {"secret": endpoints.sealed(endpoints.rotate(endpoint, actor=request.user))}

        return _once(request, work, 201)


class Test(_Webhooks, APIView):
    @extend_schema(
        summary="Post a test", operation_id="webhooks_test", request=None, responses={202: DeliveryOut},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def post(self, request, endpoint_id: int):
        def work() -> dict:
            delivery = endpoints.test(get_object_or_404(_own(request), pk=endpoint_id), actor=request.user)
            delivery.refresh_from_db()
            return DeliveryOut(delivery).data

        return _once(request, work, 202)


class Deliveries(_Webhooks, generics.ListAPIView):
    serializer_class = DeliveryOut
    queryset = WebhookDelivery.objects.none()  # for the schema

    def get_queryset(self):
        return queries.deliveries(get_object_or_404(_own(self.request), pk=self.kwargs["endpoint_id"]))

    @extend_schema(summary="What it was told, with every try; kept for 30 days", operation_id="webhooks_deliveries")
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)


class Redeliver(_Webhooks, APIView):
    @extend_schema(
        summary="Post it again", operation_id="webhooks_redeliver", request=None, responses={202: None},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def post(self, request, endpoint_id: int, delivery_id: int):
        def work() -> None:
            endpoint = get_object_or_404(_own(request), pk=endpoint_id)
            delivery = get_object_or_404(endpoint.deliveries.select_related("endpoint"), pk=delivery_id)
            endpoints.redeliver(delivery, actor=request.user)

        return _once(request, work, 202)
