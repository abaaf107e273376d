"""Words belong to a channel. Those that stand were written for the campaign's first channel that takes words, and go out on
the others too until somebody writes for these: what was approved stays what was approved.
"""

from django.db import migrations, models

FIRST = """
UPDATE campaigns_messagevariant v SET channel = COALESCE(
    (SELECT u.channel FROM unnest(c.channels) WITH ORDINALITY AS u(channel, place)
     WHERE u.channel IN ('email', 'sms', 'push') ORDER BY u.place LIMIT 1), 'email')
FROM campaigns_campaign c WHERE c.id = v.campaign_id
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_review")]

    operations = [
        migrations.AddField("messagevariant", "channel", models.CharField(default="email", max_length=10)),
        migrations.RunSQL(FIRST, migrations.RunSQL.noop),
        migrations.RemoveConstraint("messagevariant", "one_current_variant"),
        migrations.AddConstraint(
            "messagevariant",
            models.UniqueConstraint(
                fields=["campaign", "segment", "channel", "label"],
                condition=models.Q(is_current=True),
                name="one_current_variant",
            ),
        ),
    ]
