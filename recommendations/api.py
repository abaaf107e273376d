"""GET /api/v1/recommendations/: what to show a person, a session, beside a product, or to a group of people."""

from dataclasses import dataclass, replace

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Capability, Scope
from catalog.contracts import MerchantRef
from catalog.queries import merchant as merchant_called
from catalog.queries import merchant_of
from customers.queries.keys import session_lookup
from recommendations.contracts import Filters, ServedAnswer, ServedProduct
from recommendations.queries import live
from recommendations.queries.groups import group_called
from recommendations.serving.answer import Question, answer, may_be_personal
from recommendations.serving.offers import VALUE_NOTE, OfferAnswer, suiting_offers
from recommendations.serving.steps import Subject

RELATIONS = ("bought_together", "similar")
MOST_PINS = 5


class NotKnown(serializers.ValidationError):
    """A named object that the caller cannot see, for there is none or it is somebody else's: both look the same."""

    status_code = status.HTTP_404_NOT_FOUND


class Asked(serializers.Serializer):
    """The parameters. Unknown ones are refused: a filter that is not understood would show what it should keep out."""

    kind = serializers.ChoiceField(("product", "offer"), default="product", help_text="Products, or the live offers.")
    customer = serializers.CharField(max_length=64, required=False, help_text="The platform's user id, as `userId`.")
    anonymous = serializers.CharField(
        max_length=100, required=False, help_text="A session that is not logged in, as `anonymousId` of its events."
    )
    product = serializers.CharField(max_length=64, required=False, help_text="A product's id in the feed.")
    relation = serializers.ChoiceField(
        RELATIONS, required=False, help_text="With `product`; bought_together unless told."
    )
    segment = serializers.CharField(
        max_length=80,
        required=False,
        help_text="A segment by name or slug, or a group of the model by number or name.",
    )
    limit = serializers.IntegerField(min_value=1, max_value=30, default=10)
    merchant = serializers.CharField(max_length=64, required=False, help_text="Only this merchant's products.")
    category = serializers.CharField(
        max_length=120, required=False, help_text="Only this category, department or product type."
    )
    price_min = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    price_max = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    in_stock = serializers.BooleanField(default=True, help_text="false also shows what is sold out.")
    exclude_bought_days = serializers.IntegerField(
        min_value=0, max_value=3650, default=0, help_text="Leave out what the person bought within so many days."
    )
    repeat_cap = serializers.IntegerField(
        min_value=0, max_value=100, default=0, help_text="Leave out what stood in so many answers of the last week."
    )
    per_category = serializers.IntegerField(
        min_value=0, max_value=30, default=0, help_text="At most so many of one category; titles never repeat."
    )
    pin = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=MOST_PINS, help_text="Stands first."
    )
    personalise = serializers.BooleanField(default=True, help_text="false gives the list that everybody gets.")
    explore = serializers.BooleanField(
        default=True,
        help_text="false leaves nothing to chance; the last place of a list of 5 or more is drawn otherwise.",
    )
    explain = serializers.BooleanField(default=False, help_text="Also names what was dropped, and by which rule.")

    def to_internal_value(self, data):
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            remedy = f"There is no such parameter. The parameters are {', '.join(self.fields)}."
            raise serializers.ValidationError({name[:80]: remedy for name in unknown})
        return super().to_internal_value(data)

    def validate(self, attrs):
        subjects = [name for name in ("customer", "product", "segment") if name in attrs]
        if len(subjects) > 1 or (subjects and subjects != ["customer"] and "anonymous" in attrs):
            raise serializers.ValidationError(
                {
                    subjects[
                        -1
                    ]: "Ask for one of customer, anonymous, product or segment; anonymous may go with customer."
                }
            )
        if "relation" in attrs and "product" not in attrs:
            raise serializers.ValidationError({"relation": "It says how products relate to one: send product with it."})
        if attrs["kind"] == "offer" and {"product", "segment"} & set(attrs):
            raise serializers.ValidationError({"kind": "Offers are for a customer or an anonymous session."})
        low, high = attrs.get("price_min"), attrs.get("price_max")
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError({"price_min": "It is above price_max. Swap them."})
        return attrs


class Item(serializers.Serializer):
    product_id = serializers.CharField(source="product.external_id", help_text="The product's id in the feed.")
    title = serializers.CharField(source="product.title")
    price = serializers.DecimalField(source="product.price", max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField(source="product.currency")
    is_novel = serializers.BooleanField(help_text="The person has not bought it before, as far as was looked.")
    source = serializers.CharField(help_text="The step of the chain that brought it.")
    reason_code = serializers.CharField()
    reason = serializers.CharField(source="reason_text")
    origin = serializers.CharField(source="product.origin")


class Step(serializers.Serializer):
    step = serializers.CharField()
    items = serializers.IntegerField()


class DroppedOut(serializers.Serializer):
    product_id = serializers.CharField()
    title = serializers.CharField()
    rule = serializers.CharField()
    detail = serializers.CharField()


class AnswerOut(serializers.Serializer):
    request_id = serializers.UUIDField(
        help_text="Send it back as `request_id` in Product Clicked, Order Completed and Product Reviewed."
    )
    is_fallback = serializers.BooleanField(help_text="None of the items answers the question itself; see `chain`.")
    note = serializers.CharField(allow_blank=True, help_text="Why the list is not personal, where consent says so.")
    chain = Step(many=True, help_text="The steps in the order asked, and how many items each brought.")
    items = Item(many=True)
    dropped = DroppedOut(many=True, required=False, help_text="With explain=true.")


class OfferOut(serializers.Serializer):
    offer_id = serializers.CharField(source="offer.external_id")
    title = serializers.CharField(source="offer.title")
    kind = serializers.CharField(source="offer.kind")
    value = serializers.DecimalField(source="offer.value", max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField(source="offer.currency")
    ends_at = serializers.DateTimeField(source="offer.ends_at")
    score = serializers.FloatField(help_text="The share of what the person buys and looks at that it holds for.")
    reason_code = serializers.CharField()
    reason = serializers.CharField(source="reason_text")
    origin = serializers.CharField(source="offer.origin")


class OffersOut(serializers.Serializer):
    request_id = serializers.UUIDField()
    is_fallback = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)
    value_note = serializers.CharField()
    offers = OfferOut(many=True)


PARAMETERS = [
    OpenApiParameter(
        name,
        {
            serializers.IntegerField: int,
            serializers.BooleanField: bool,
            serializers.DecimalField: float,
        }.get(type(field), str),
        enum=list(field.choices) if isinstance(field, serializers.ChoiceField) else None,
        many=isinstance(field, serializers.ListField),
        description=field.help_text or "",
    )
    for name, field in Asked().fields.items()
]


@dataclass(frozen=True)
class _Caller:
    """Whose products the caller may see: a merchant's own, or everybody's (None)."""

    merchant: MerchantRef | None

    @property
    def reach(self) -> int | None:
        return None if self.merchant is None else self.merchant.id


class Recommendations(APIView):
    scope = Scope.RECOMMENDATIONS_READ
    capability = Capability.CUSTOMER_READ
    throttle_scope = "recommendations"

    @extend_schema(
        parameters=PARAMETERS,
        responses=PolymorphicProxySerializer("Recommendations", [AnswerOut, OffersOut], None),
        summary="Products or offers for a person, a session, a product or a segment, with the reason of each",
        description="The list that workers rank at night is moved by what was done since: an event that was accepted "
        "before this request is read with it, for a person and for an anonymous session alike.",
    )
    def get(self, request):
        query = request.query_params
        given = {name: query.getlist(name) if name == "pin" else query[name] for name in query}
        asked = Asked(data=given)
        asked.is_valid(raise_exception=True)
        asked = asked.validated_data
        caller = _Caller(merchant_of(request.user))
        subject = _subject(asked, caller)
        if asked["kind"] == "offer":
            return Response(_offers_out(suiting_offers(subject, k=asked["limit"], merchant_id=caller.reach)))
        question = Question(
            subject=subject,
            filters=_filters(asked, caller),
            k=asked["limit"],
            merchant_id=caller.reach,
            pins=tuple(_pin(name, caller) for name in dict.fromkeys(asked.get("pin", ()))),
            explain=asked["explain"],
            explore=asked["explore"],
        )
        return Response(_answer_out(answer(question), asked["explain"]))


def _subject(asked: dict, caller: _Caller) -> Subject:
    if "product" in asked:
        product = live.find_product(asked["product"], caller.reach)
        if product is None:
            raise NotKnown({"product": "You have no product with this id; send it in a feed first."})
        return Subject(product=product, relation=asked.get("relation", RELATIONS[0]))
    if "segment" in asked:
        segment = group_called(asked["segment"], caller.reach)
        if segment is None:
            remedy = "No group of people has this number or name; the Segments page lists them, and counts a new one."
            raise NotKnown({"segment": remedy})
        return Subject(segment=segment)
    person = lookup = None
    if "customer" in asked:
        person = live.person(asked["customer"])
        if person is None:
            raise NotKnown({"customer": "No customer has this id; send an event with it as userId first."})
    if "anonymous" in asked:
        lookup = session_lookup(asked["anonymous"])
    # A session whose person is known by now is held to what that person said.
    note = may_be_personal(person, asked["personalise"])
    if lookup is not None and not note:
        note = may_be_personal(live.device_owner(lookup), True)
    return Subject(note=note) if note else Subject(person=person, lookup=lookup)


def _filters(asked: dict, caller: _Caller) -> Filters:
    filters = Filters(
        merchant_id=caller.reach,
        category=asked.get("category", ""),
        price_min=asked.get("price_min"),
        price_max=asked.get("price_max"),
        in_stock=asked["in_stock"],
        bought_within_days=asked["exclude_bought_days"],
        repeat_cap=asked["repeat_cap"],
        per_category=asked["per_category"],
    )
    if "merchant" in asked:
        named = merchant_called(asked["merchant"])
        if named is None or (caller.reach is not None and named.id != caller.reach):
            raise NotKnown({"merchant": "You see no merchant with this id."})
        filters = replace(filters, merchant_id=named.id)
    if filters.category and not live.has_category(filters.category, filters.merchant_id):
        raise NotKnown({"category": "No product on sale has this category, department or product type."})
    return filters


def _pin(external_id: str, caller: _Caller) -> ServedProduct:
    product = live.find_product(external_id, caller.reach)
    if product is None or not product.is_active or product.price is None:
        raise NotKnown(
            {"pin": f"You have no product “{external_id}” on sale; leave it out or send it in a feed first."}
        )
    return product


def _answer_out(given: ServedAnswer, explain: bool) -> dict:
    out = {
        "request_id": given.request_id,
        "is_fallback": given.is_fallback,
        "note": given.note,
        "chain": [{"step": step, "items": items} for step, items in given.chain],
        "items": given.items,
    }
    if explain:
        out["dropped"] = [
            {"product_id": product.external_id, "title": product.title, "rule": rule, "detail": detail}
            for product, rule, detail in given.dropped
        ]
    return AnswerOut(out).data


def _offers_out(given: OfferAnswer) -> dict:
    return OffersOut(
        {
            "request_id": given.request_id,
            "is_fallback": given.is_fallback,
            "note": given.note,
            "value_note": VALUE_NOTE,
            "offers": given.offers,
        }
    ).data
