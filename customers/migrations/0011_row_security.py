"""A merchant's key or member sees and writes that merchant's events alone, whatever the code above forgets.

The policy stands on the partitioned parent; the application has no right on any partition by name. Left out: people,
their contact points, consent and orders belong to the platform. Merchants reach orders as measured sums only, which count
every order of the people treated, also those of other merchants.
"""

from django.db import migrations

from accounts.contracts import NO_ROW_SECURITY, ROW_SECURITY

TABLES = ("customers_event", "customers_eventkey", "customers_quarantine")


class Migration(migrations.Migration):
    dependencies = [("customers", "0010_retention"), ("catalog", "0002_row_security")]
    operations = [
        migrations.RunSQL(ROW_SECURITY.format(table=table), NO_ROW_SECURITY.format(table=table)) for table in TABLES
    ]
