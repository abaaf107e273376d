"""Who sells what."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now


class Origin(models.TextChoices):
    """Where a row comes from. Simulated rows are labelled on pages and in the API and never enter training."""

    OBSERVED = "observed", "observed"
    SIMULATED = "simulated", "simulated"


class Merchant(models.Model):
    """Somebody who sells on the platform and sees only their own products, events and aggregates."""

    external_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self):
        return self.name


class Membership(models.Model):
    """A user who works for a merchant: for an API key's service user it is the whole reach of the key."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="memberships")

    def __str__(self):
        return f"{self.user} of {self.merchant}"


class ProductQuerySet(models.QuerySet):
    def for_merchant(self, merchant):
        """The products that this caller may see: a merchant's own, or all of them for the platform (None)."""
        return self if merchant is None else self.filter(merchant=merchant)

    def on_sale(self):
        return self.filter(is_active=True)


class Product(models.Model):
    """One thing that can be bought. `title` is for people, the four class fields are as the feed gave them."""

    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    external_id = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    department = models.CharField(max_length=80, blank=True)
    category = models.CharField(max_length=120, blank=True)
    product_type = models.CharField(max_length=120, blank=True)
    brand = models.CharField(max_length=120, blank=True)
    size = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    url = models.URLField(max_length=500, blank=True)
    image_url = models.URLField(max_length=500, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    stock = models.IntegerField(null=True, blank=True)  # null: the feed does not say
    is_active = models.BooleanField(default=True)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    version = models.PositiveIntegerField(default=1)  # counts changes: copy names the version its facts came from
    updated_at = models.DateTimeField(db_default=Now(), auto_now=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            # The platform's own products have no merchant; NULLs are one merchant for this rule.
            models.UniqueConstraint(fields=["merchant", "external_id"], nulls_distinct=False, name="product_once"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="product_price_positive"),
        ]
        indexes = [
            models.Index(fields=["external_id"], name="product_external"),
            models.Index(fields=["category", "product_type"], name="product_class"),
            GinIndex(fields=["title"], name="product_title_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self):
        return self.title


class ProductChange(models.Model):
    """A price that fell, or a product that can be bought again: what a campaign may tell whoever looked at it."""

    class What(models.TextChoices):
        PRICE_FELL = "price_fell", "the price fell"
        BACK_IN_STOCK = "back", "back in stock"

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="changes")
    what = models.CharField(max_length=10, choices=What)
    before = models.DecimalField(max_digits=12, decimal_places=2)
    after = models.DecimalField(max_digits=12, decimal_places=2)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["what", "at"], name="productchange_newest")]

    def __str__(self):
        return f"{self.product_id}: {self.what}"


class Offer(models.Model):
    """A reduction that a campaign may promise: a coupon of the past or one to come."""

    class Kind(models.TextChoices):
        PERCENT = "percent", "percentage off"
        AMOUNT = "amount", "amount off"
        COUPON = "coupon", "coupon, value not recorded"

    merchant = models.ForeignKey(Merchant, null=True, blank=True, on_delete=models.PROTECT, related_name="offers")
    external_id = models.CharField(max_length=64)
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    products = models.ManyToManyField(Product, through="OfferProduct", related_name="offers")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.OBSERVED)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "external_id"], nulls_distinct=False, name="offer_once"),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="offer_ends_after_start"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="coupon") | models.Q(value__gt=0), name="offer_value_known_unless_coupon"
            ),
        ]

    def __str__(self):
        return self.title


class OfferProduct(models.Model):
    offer = models.ForeignKey(Offer, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offer", "product"], name="offer_product_once")]

    def __str__(self):
        return f"{self.offer_id}: {self.product_id}"


class FeedImport(models.Model):
    """One product feed as it came in: how many lines held, and each one that did not."""

    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)

    def __str__(self):
        return self.name


class FeedReject(models.Model):
    """A line of a feed that could not be loaded: kept as it came, with field, reason and what to do."""

    feed = models.ForeignKey(FeedImport, on_delete=models.CASCADE, related_name="rejects")
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)
    remedy = models.CharField(max_length=200, blank=True)
    raw = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["feed", "line"], name="feedreject_line")]

    def __str__(self):
        return f"line {self.line}: {self.field}: {self.reason}"
