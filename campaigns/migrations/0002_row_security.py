"""A merchant's key sees that merchant's campaigns alone, whatever the code above forgets.

Left out: what hangs on a campaign (variants, messages, assignments) has no merchant of its own and is reached through it;
segments are the platform's, also those that a merchant's campaign goes to.
"""

from django.db import migrations

from accounts.contracts import NO_ROW_SECURITY, ROW_SECURITY


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial"), ("catalog", "0002_row_security")]
    operations = [
        migrations.RunSQL(
            ROW_SECURITY.format(table="campaigns_campaign"), NO_ROW_SECURITY.format(table="campaigns_campaign")
        )
    ]
