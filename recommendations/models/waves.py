"""Which coupons went out to whom, and who used one: what redemption is learnt from."""

from django.db import models

from customers.models import Customer


class OfferWave(models.Model):
    """The coupons of one campaign, as they went out together. Handed over by the room that sends."""

    external_id = models.CharField(max_length=64, unique=True)  # of the campaign
    kind = models.CharField(max_length=60)  # campaigns of one kind are scored as one
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    offers = models.JSONField(default=list)  # ids of catalog offers

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="wave_ends_after_start")
        ]

    def __str__(self):
        return self.external_id


class WaveReceiver(models.Model):
    """Somebody whom a wave reached, and when they first used one of its coupons."""

    wave = models.ForeignKey(OfferWave, on_delete=models.CASCADE, related_name="receivers")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["wave", "customer"], name="wave_reaches_once")]

    def __str__(self):
        return f"{self.wave_id}: {self.customer_id}"
