"""What people did: events by month, orders with their lines, and whatever came in broken."""

from django.db import models
from django.db.models.functions import Now

from catalog.models import Merchant, Origin, Product
from customers.models.people import Customer


class Source(models.TextChoices):
    API = "api", "API"
    IMPORT = "import", "import"
    STORE = "store", "store"
    TRACKING = "tracking", "links in messages"
    REPLAY = "replay", "replay of held-back orders"  # the only source that may carry a time to come
    SIMULATOR = "simulator", "click simulator"


class EventKey(models.Model):
    """Every message id ever accepted. A partitioned table cannot keep ids unique over months, so this one does."""

    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    message_id = models.CharField(max_length=100)
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "message_id"], nulls_distinct=False, name="event_accepted_once")
        ]

    def __str__(self):
        return self.message_id


class Event(models.Model):
    """One thing that happened, in the words of Segment's e-commerce spec v2. Partitioned by month of `occurred_at`."""

    pk = models.CompositePrimaryKey("occurred_at", "id")
    id = models.BigIntegerField(db_default=models.Func(models.Value("customers_event_id_seq"), function="nextval"))
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    message_id = models.CharField(max_length=100)
    name = models.CharField(max_length=40)
    source = models.CharField(max_length=10, choices=Source)
    channel = models.CharField(max_length=10)  # web, app, store, social, email ...
    # No constraints: each would cost a look-up per row of a bulk load, and old months are dropped whole.
    merchant = models.ForeignKey(
        Merchant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        Customer, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="events"
    )
    anonymous_lookup = models.BinaryField(max_length=32, null=True)
    # What the name calls for, through an allow-list. Free text that a person wrote rests in `sealed` under their key.
    properties = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)
    request_id = models.UUIDField(null=True)  # of the recommendation that it answers
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    came_as = models.BigIntegerField(null=True)  # the record it named, merged since; `sealed` is under that one's key
    joined_at = models.DateTimeField(null=True)  # it was anonymous, and a later login on the device said whose it is

    class Meta:
        indexes = [
            models.Index(
                fields=["anonymous_lookup", "occurred_at"],
                name="event_session",
                condition=models.Q(anonymous_lookup__isnull=False),
            ),
            models.Index(fields=["customer", "-occurred_at"], name="event_timeline"),
            models.Index(fields=["name", "occurred_at"], name="event_name"),
            # The id, because a bulk load gives all its rows one moment.
            models.Index(fields=["merchant", "-received_at", "-id"], name="event_merchant"),
        ]

    def __str__(self):
        return f"{self.name} {self.message_id}"


class Quarantine(models.Model):
    """An event that could not be accepted: kept whole and sealed with the field, the reason and the remedy, never dropped."""

    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.CASCADE, related_name="+")
    message_id = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    field = models.CharField(max_length=80)
    reason = models.CharField(max_length=300)
    # The raw event may name anyone, so it is sealed under the install's own key.
    sealed = models.BinaryField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["merchant", "-id"], name="quarantine_newest")]

    def __str__(self):
        return f"{self.field}: {self.reason}"


class OrderQuerySet(models.QuerySet):
    def counted(self):
        """Orders that reports and training may count: real, not cancelled, not flagged."""
        return self.filter(origin=Origin.OBSERVED, cancelled_at=None, excluded_at=None)


class Order(models.Model):
    """One purchase, whole: a basket at the till or an order on the web."""

    external_id = models.CharField(max_length=64)
    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT, related_name="orders")
    customer = models.ForeignKey(
        Customer, null=True, on_delete=models.SET_NULL, db_index=False, related_name="orders"
    )  # its index is order_customer
    ordered_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    channel = models.CharField(max_length=10)
    store = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    total = models.DecimalField(max_digits=12, decimal_places=2)
    discount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    coupon_discount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default="USD")
    coupon = models.CharField(max_length=60, blank=True)
    request_id = models.UUIDField(null=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    excluded_at = models.DateTimeField(null=True, blank=True)
    excluded_reason = models.CharField(max_length=60, blank=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    came_as = models.BigIntegerField(null=True)  # the record it named, merged since

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "external_id"], nulls_distinct=False, name="order_once"),
            models.CheckConstraint(condition=models.Q(total__gte=0), name="order_total_positive"),
        ]
        indexes = [
            models.Index(fields=["customer", "-ordered_at"], name="order_customer"),
            models.Index(fields=["ordered_at"], name="order_time"),
            models.Index(fields=["received_at"], name="order_received"),  # the risk sweep reads what is new
        ]

    def __str__(self):
        return self.external_id


class OrderLine(models.Model):
    """One product of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.IntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    def __str__(self):
        return f"{self.quantity} x {self.product_id}"
