"""GET /api/v1/recommendations/: what to show a person."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Capability, Scope
from catalog.queries import by_ids, merchant_of
from recommendations.queries.people import customer_id_of
from recommendations.serving import recommend


class Question(serializers.Serializer):
    customer = serializers.CharField(max_length=64, help_text="The platform's user id, as in `userId` of events.")
    limit = serializers.IntegerField(min_value=1, max_value=30, default=10)


class Item(serializers.Serializer):
    product_id = serializers.CharField(help_text="The product's id in the feed.")
    title = serializers.CharField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField()
    is_novel = serializers.BooleanField(help_text="The person has not bought it before.")
    reason_code = serializers.CharField()
    reason = serializers.CharField()
    origin = serializers.CharField()


class AnswerOut(serializers.Serializer):
    request_id = serializers.UUIDField(help_text="Send it back as `request_id` in Product Clicked and Order Completed.")
    is_fallback = serializers.BooleanField()
    items = Item(many=True)


class Recommendations(APIView):
    scope = Scope.RECOMMENDATIONS_READ
    capability = Capability.CUSTOMER_READ
    throttle_scope = "reads"

    @extend_schema(
        parameters=[
            OpenApiParameter("customer", str, required=True, description="The platform's user id."),
            OpenApiParameter("limit", int, description="1 to 30, 10 unless told."),
        ],
        responses=AnswerOut,
        summary="Products for a person, with the reason of each",
    )
    def get(self, request):
        question = Question(data=request.query_params)
        question.is_valid(raise_exception=True)
        customer_id = customer_id_of(question.validated_data["customer"])
        if customer_id is None:
            raise serializers.ValidationError({"customer": "No customer has this id; send events with it first."})
        merchant = merchant_of(request.user)
        answer = recommend(
            customer_id, k=question.validated_data["limit"], merchant_id=merchant and merchant.id, surface="api"
        )
        products = by_ids(item.product_id for item in answer.items)
        items = [
            {
                "product_id": products[item.product_id].external_id,
                "title": products[item.product_id].title,
                "price": products[item.product_id].price,
                "currency": products[item.product_id].currency,
                "is_novel": item.is_novel,
                "reason_code": item.reason_code,
                "reason": item.reason_text,
                "origin": products[item.product_id].origin,
            }
            for item in answer.items
        ]
        out = AnswerOut({"request_id": answer.request_id, "is_fallback": answer.is_fallback, "items": items})
        return Response(out.data)
