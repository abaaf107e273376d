"""Products in and out over HTTP: a merchant's key reaches its own products, the platform's key reaches all."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope
from accounts.services import once
from catalog import queries
from catalog.contracts import FeedReport
from catalog.models import Product
from catalog.services.feed import import_items

MAX_BATCH = 1_000  # 100 ms; a larger feed goes in parts, or as a file with `manage.py import_products`
MAX_BODY = 8 * 2**20  # a thousand products of 8 kB
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


class ProductIn(serializers.Serializer):
    """A whole product: what is left out is empty afterwards, also where an earlier feed had it."""

    external_id = serializers.CharField(max_length=64, help_text="Your own id, as in `product_id` of events.")
    title = serializers.CharField(max_length=300)
    department = serializers.CharField(max_length=80, required=False)
    category = serializers.CharField(max_length=120, required=False)
    product_type = serializers.CharField(max_length=120, required=False)
    brand = serializers.CharField(max_length=120, required=False)
    size = serializers.CharField(max_length=60, required=False)
    description = serializers.CharField(max_length=20_000, required=False)
    url = serializers.URLField(max_length=500, required=False)
    image_url = serializers.URLField(max_length=500, required=False)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    currency = serializers.CharField(max_length=3, default="USD", help_text="ISO 4217.")
    stock = serializers.IntegerField(required=False, help_text="Left out: not said.")
    is_active = serializers.BooleanField(default=True, help_text="False: not on sale; never recommended.")


class ProductsIn(serializers.Serializer):
    products = ProductIn(many=True, help_text=f"1 to {MAX_BATCH} products.")


class RejectOut(serializers.Serializer):
    index = serializers.IntegerField(source="place", help_text="Its place in the list, from 0.")
    field = serializers.CharField()
    reason = serializers.CharField()
    remedy = serializers.CharField()


class FeedOut(serializers.Serializer):
    """What became of a batch: the good products are in the catalogue, the others are kept with what is wrong."""

    accepted = serializers.IntegerField(help_text="Products that are in the catalogue now.")
    changed = serializers.IntegerField(help_text="Of them new, or different from before.")
    rejected = serializers.IntegerField(help_text="Products that are not; one may have several faults.")
    rejects = RejectOut(many=True)


class ProductOut(serializers.ModelSerializer):
    merchant = serializers.CharField(
        source="merchant.external_id", default=None, allow_null=True, help_text="Null: the platform's own."
    )

    class Meta:
        model = Product
        fields = [
            "external_id", "merchant", "title", "department", "category", "product_type", "brand", "size",
            "description", "url", "image_url", "price", "currency", "stock", "is_active", "origin", "version",
            "updated_at",
        ]  # fmt: skip


def _reachable(request):
    """The products that this caller may see; those of others do not exist for them."""
    merchant = queries.merchant_of(request.user)
    return queries.products(merchant and merchant.id).select_related("merchant")


class Products(ListAPIView):
    serializer_class = ProductOut

    @property
    def scope(self) -> str:
        return Scope.PRODUCTS_WRITE if self.request.method == "POST" else Scope.PRODUCTS_READ

    @property
    def throttle_scope(self) -> str:
        return "events" if self.request.method == "POST" else "reads"

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        size = request.META.get("CONTENT_LENGTH") or "0"
        if not size.isdecimal() or int(size) > MAX_BODY:
            raise BodyTooLarge(f"The body has {size} bytes and may have {MAX_BODY}. Send it in parts.")

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return Product.objects.none()
        return _reachable(self.request)

    @extend_schema(operation_id="products_list", summary="Your products, newest first")
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="products_create",
        summary="Send products, new or changed",
        request=ProductsIn,
        responses={200: FeedOut},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request):
        """Takes in every product that can be read, by `external_id`, and names what is wrong with each other one."""
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY:
            raise serializers.ValidationError({"Idempotency-Key": f"At most {MAX_KEY} characters."})
        try:
            items = self._items(request.data)
            merchant = queries.merchant_of(request.user)
            code, answer, is_repeated = once(
                request.user,
                key,
                request.data,
                lambda: (200, _as_json(import_items(items, merchant=merchant))),
                door=f"{request.method} {request.path}",
            )
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        return Response(answer, status=code, headers={"Idempotent-Replayed": "true"} if is_repeated else {})

    @staticmethod
    def _items(body) -> list:
        items = body.get("products") if isinstance(body, dict) else body
        if not isinstance(items, list) or not 1 <= len(items) <= MAX_BATCH:
            raise serializers.ValidationError({"products": f"Send a list of 1 to {MAX_BATCH} products."})
        return items


def _as_json(report: FeedReport) -> dict:
    return dict(FeedOut(report).data)


class OneProduct(APIView):
    scope = Scope.PRODUCTS_READ
    throttle_scope = "reads"

    @extend_schema(
        operation_id="products_retrieve",
        summary="One product by your own id",
        responses=ProductOut,
        parameters=[
            OpenApiParameter("merchant", str, description="For the platform's key: whose product. Without it, its own.")
        ],
    )
    def get(self, request, external_id: str):
        found = _reachable(request).filter(external_id=external_id)
        if queries.merchant_of(request.user) is None:
            found = found.filter(merchant__external_id=request.query_params.get("merchant"))
        product = found.first()
        if product is None:
            raise Http404
        return Response(ProductOut(product).data)
