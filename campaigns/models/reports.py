"""What providers said of messages: which reports were acted on, and how many of each kind came."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ProviderReport(models.Model):
    """A bounce, complaint or withdrawal that was acted on, by the digest of its id: the same again changes nothing."""

    key = models.BinaryField(max_length=32, unique=True)
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table_comment = "append-only: reports of providers that were acted on"

    def __str__(self):
        return bytes(self.key).hex()


class ProviderTally(models.Model):
    """How many reports of one kind a provider sent on one day (UTC), and what became of them. Holds no person."""

    class Outcome(models.TextChoices):
        HEARD = "heard", _("heard")
        REPEATED = "repeated", _("changed nothing more")
        UNKNOWN = "unknown", _("of no message of ours")
        BROKEN = "broken", _("could not be read")

    provider = models.CharField(max_length=20)
    day = models.DateField()
    told = models.CharField(max_length=12, blank=True)  # "": of what could not be read
    outcome = models.CharField(max_length=10, choices=Outcome)
    number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "day", "told", "outcome"], name="provider_tally_once")
        ]

    def __str__(self):
        return f"{self.provider} {self.day}: {self.number} {self.told} {self.outcome}"
