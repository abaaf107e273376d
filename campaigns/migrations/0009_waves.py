"""A send in waves, limits that stop it, and e-mail that waits for the morning."""

import datetime

import django.contrib.postgres.fields
from django.db import migrations, models

import campaigns.models.planning


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0008_redeemed_once"),
        ("customers", "0016_fresh_suppressions"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="message",
            name="message_waiting",
        ),
        migrations.AddField(
            model_name="campaign",
            name="judged_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="keeps_email_quiet",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="campaign",
            name="stop_limits",
            field=models.JSONField(blank=True, default=campaigns.models.planning.usual_limits),
        ),
        migrations.AddField(
            model_name="campaign",
            name="wave",
            field=models.PositiveSmallIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="campaign",
            name="wave_done_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="wave_wait",
            field=models.DurationField(default=datetime.timedelta(seconds=600)),
        ),
        migrations.AddField(
            model_name="campaign",
            name="waves",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(), blank=True, default=campaigns.models.planning.usual_waves, size=None
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="wave",
            field=models.PositiveSmallIntegerField(db_default=1),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "queued")),
                fields=["campaign", "channel", "wave", "not_before"],
                name="message_waiting",
            ),
        ),
    ]
