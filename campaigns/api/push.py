"""/api/v1/push/: a shop's page registers the browser of somebody who is signed in there, with their consent."""

from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import APIException, AuthenticationFailed, NotFound
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import PLATFORM, Scope
from accounts.queries import see_as
from campaigns.exceptions import ChannelUnavailable
from campaigns.services import push
from customers.exceptions import ConsentRefused
from customers.queries.packs import LANGUAGES

HOW = """For your server, which knows who is signed in; the page gets the answer. Holds for an hour.

1. Serve a file `/attune-worker.js` of one line on the shop's own origin:
   `importScripts("https://ATTUNE/static/attune/push/worker.js");`
2. On the page: `<script src="https://ATTUNE/static/attune/push/shop.js"></script>`
3. Show `notice.text` beside a button. When it is pressed: `attunePush.subscribe(answer)`, where `answer` is what this
   endpoint gave your server; `attunePush.unsubscribe(answer)` takes it back, `attunePush.isOn()` tells the state. Each is a
   promise and is rejected with the reason.
"""
MAX_BODY = 16 * 1024  # a subscription has below 1 kB


class NotSetUp(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Web push is not set up here: ATTUNE_PUSH_KEY."
    default_code = "push_not_set_up"


@dataclass(frozen=True)
class Reader:
    """Whoever holds a token: one customer, and nobody else. Counted by the throttle like a user."""

    pk: int
    is_authenticated: bool = True


class PushTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, made by POST /push/tokens/ on the shop's server."""

    def authenticate(self, request):
        header = get_authorization_header(request).split()
        if not header:
            return None
        customer = push.customer_of(header[1].decode("latin-1")) if len(header) == 2 else None
        if customer is None:
            raise AuthenticationFailed(
                "This token is not known or its hour is over: ask the shop's server for a new one."
            )
        see_as(PLATFORM)  # for the one person that the token names
        return Reader(customer), "push"

    def authenticate_header(self, request):
        return "Bearer"


class PushTokenScheme(OpenApiAuthenticationExtension):
    target_class = PushTokenAuthentication
    name = "pushToken"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "A token of POST /push/tokens/, for one customer."}


class HasToken(BasePermission):
    def has_permission(self, request, view):
        # A browser asks before it sends the token (CORS): the answer names no person.
        return request.method == "OPTIONS" or request.auth == "push"


class FromShops:
    """Lets a page of any shop call: nothing here goes by a cookie, and a token opens one customer's own browsers alone."""

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Allow-Headers"] = "authorization, content-type"
        response["Access-Control-Allow-Methods"] = ", ".join(self.allowed_methods)
        response["Access-Control-Max-Age"] = "3600"
        return response

    @extend_schema(exclude=True)
    def options(self, request, *args, **kwargs):
        return Response(status=204)


class TokenIn(serializers.Serializer):
    customer = serializers.CharField(max_length=64, help_text="Your own id of who is signed in, as `userId` of events.")
    language = serializers.ChoiceField(LANGUAGES, default="en", help_text="Of the words that you will show.")


class NoticeOut(serializers.Serializer):
    version = serializers.CharField(help_text="Send it back with the subscription.")
    text = serializers.CharField(help_text="Show exactly these words beside the button, before the browser asks.")
    language = serializers.CharField()
    article = serializers.CharField(help_text="The rule that asks for it.")


class TokenOut(serializers.Serializer):
    token = serializers.CharField(source="text", help_text="For the page of this customer alone.")
    expires_at = serializers.DateTimeField()
    public_key = serializers.CharField(help_text="applicationServerKey of pushManager.subscribe.")
    notice = NoticeOut(source="wording")


class KeyOut(serializers.Serializer):
    public_key = serializers.CharField()


class SubscriptionIn(serializers.Serializer):
    subscription = serializers.DictField(
        help_text="What PushSubscription.toJSON() gives: endpoint, and keys p256dh and auth."
    )
    notice = serializers.CharField(max_length=40, help_text="The version of the words that were shown.")
    language = serializers.ChoiceField(LANGUAGES, default="en", help_text="Of the words that were shown.")


class EndpointIn(serializers.Serializer):
    endpoint = serializers.CharField(max_length=800, help_text="Of the subscription that ends.")


class ForgottenOut(serializers.Serializer):
    was_known = serializers.BooleanField()
    is_withdrawn = serializers.SerializerMethodField(
        help_text="It was the last browser: the consent to push is taken back."
    )

    def get_is_withdrawn(self, forgotten) -> bool:
        return forgotten.withdrawal is not None


def _client_ip(request) -> str:
    """As the login counts it: behind the proxy that is trusted, the one that it names."""
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:  # a socket of this machine has none
        return ""


class PublicKey(FromShops, APIView):
    permission_classes = (AllowAny,)  # it is public, and the same for everybody
    throttle_classes = ()

    @extend_schema(summary="The public VAPID key", operation_id="push_key", auth=[], responses=KeyOut)
    def get(self, request):
        try:
            return Response({"public_key": push.public_key()})
        except ChannelUnavailable:
            raise NotSetUp from None


class Tokens(APIView):
    scope = Scope.PUSH_WRITE
    throttle_scope = "reads"

    @extend_schema(
        summary="A token for the browser of one customer",
        operation_id="push_token_create",
        description=HOW,
        request=TokenIn,
        responses={201: TokenOut},
    )
    def post(self, request):
        wanted = TokenIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            token = push.token_for(wanted.validated_data["customer"], wanted.validated_data["language"])
        except ChannelUnavailable:
            raise NotSetUp from None
        if token is None:
            raise NotFound("Nobody has this id, or was erased at their own request.")
        return Response(TokenOut(token).data, status=201)


class Subscriptions(FromShops, APIView):
    authentication_classes = (PushTokenAuthentication,)
    permission_classes = (HasToken,)
    throttle_scope = "push"

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        size = request.META.get("CONTENT_LENGTH") or "0"
        if not size.isdecimal() or int(size) > MAX_BODY:
            raise serializers.ValidationError({"subscription": f"The body has more than {MAX_BODY} bytes."})

    @extend_schema(
        summary="Keep a browser, with the consent that was given there",
        operation_id="push_subscription_create",
        description="The consent (marketing by push) goes into the ledger with the words that were shown, the network and "
        "the sealed user agent. A browser belongs to whoever signed in there last. 400 when other words hold by now.",
        request=SubscriptionIn,
        responses={201: None},
        examples=[
            OpenApiExample(
                "From a page",
                request_only=True,
                value={
                    "subscription": {
                        "endpoint": "https://fcm.googleapis.com/fcm/send/…", "keys": {"p256dh": "BNc…", "auth": "tBH…"},
                    },
                    "notice": "eu-push-en-1", "language": "en",
                },
            )
        ],
    )  # fmt: skip
    def post(self, request):
        given = SubscriptionIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        try:
            push.register(
                request.user.pk, said["subscription"], notice=said["notice"], language=said["language"],
                ip=_client_ip(request), user_agent=request.headers.get("User-Agent", ""),
            )  # fmt: skip
        except ConsentRefused as refusal:
            raise serializers.ValidationError({refusal.field: refusal.reason}) from None
        except ValueError as refusal:
            field, reason = refusal.args
            raise serializers.ValidationError({f"subscription.{field}": reason}) from None
        return Response(status=201)

    @extend_schema(
        summary="Forget a browser",
        operation_id="push_subscription_delete",
        description="The last browser of a customer takes the consent to push along, at once.",
        request=EndpointIn,
        responses=ForgottenOut,
    )
    def delete(self, request):
        given = EndpointIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(ForgottenOut(push.unregister(request.user.pk, given.validated_data["endpoint"])).data)
