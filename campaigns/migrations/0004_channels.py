"""A campaign goes over several channels; the gate's answer is kept per person and channel."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import campaigns.models.planning

CHANNELS = "UPDATE campaigns_campaign SET channels = ARRAY[channel]"
CHANNEL = "UPDATE campaigns_campaign SET channel = channels[1]"
WAITING = "UPDATE campaigns_message SET not_before = queued_at WHERE not_before IS NULL"
# Until now a campaign had one channel: whoever was excluded was so on that one.
EXCLUSIONS = """
INSERT INTO campaigns_exclusion (campaign_id, customer_id, channel, reason)
SELECT a.campaign_id, a.customer_id, c.channels[1], a.reason
FROM campaigns_assignment a JOIN campaigns_campaign c ON c.id = a.campaign_id WHERE a.arm = 'excluded'
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_composer"), ("customers", "0012_reader_views")]
    operations = [
        migrations.AddField(
            "campaign",
            "channels",
            django.contrib.postgres.fields.ArrayField(
                models.CharField(max_length=10), default=campaigns.models.planning.email_alone
            ),
        ),
        migrations.RunSQL(CHANNELS, CHANNEL),
        migrations.RemoveField("campaign", "channel"),
        migrations.AddConstraint(
            "campaign",
            models.CheckConstraint(condition=models.Q(channels__len__gte=1), name="campaign_has_a_channel"),
        ),
        migrations.AddField("campaign", "caps", models.JSONField(blank=True, default=list)),
        migrations.RemoveField("assignment", "contact_point"),
        migrations.RemoveIndex("message", "message_queued"),
        migrations.RunSQL(WAITING, migrations.RunSQL.noop),
        migrations.AlterField("message", "not_before", models.DateTimeField(db_default=Now())),
        migrations.AddIndex(
            "message",
            models.Index(
                fields=["campaign", "channel", "not_before"],
                name="message_waiting",
                condition=models.Q(state="queued"),
            ),
        ),
        migrations.CreateModel(
            "Exclusion",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=10)),
                ("reason", models.CharField(max_length=20)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exclusions",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exclusions",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "customer", "channel"), name="excluded_once_a_channel"),
                    models.CheckConstraint(condition=models.Q(reason__gt=""), name="exclusion_has_a_reason"),
                ]
            },
        ),
        migrations.RunSQL(EXCLUSIONS, migrations.RunSQL.noop),
    ]
