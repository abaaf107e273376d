"""Who said no to social networks, or to everything, before: their address and phone are stopped there as well.

Until now a no on the channel stopped the handle alone, while advertising platforms match the address and the phone.
"""

from django.db import migrations

STOP = """
INSERT INTO customers_suppression (channel, lookup, lookup_version, reason)
SELECT DISTINCT 'social', p.lookup, p.lookup_version, 'unsubscribed'
FROM customers_consentstate s JOIN customers_contactpoint p ON p.customer_id = s.customer_id
WHERE s.purpose = 'marketing' AND s.channel IN ('social', 'any') AND s.action IN ('withdrawn', 'objected')
  AND p.kind IN ('email', 'phone')
ON CONFLICT (channel, lookup) WHERE lifted_at IS NULL DO NOTHING;
-- Of erased people nothing is left but the keyed hashes: an address that was stopped as erased is stopped here too.
INSERT INTO customers_suppression (channel, lookup, lookup_version, reason)
SELECT DISTINCT 'social', lookup, lookup_version, reason FROM customers_suppression
WHERE reason = 'erased' AND channel IN ('email', 'sms') AND lifted_at IS NULL
ON CONFLICT (channel, lookup) WHERE lifted_at IS NULL DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0018_listed_people")]
    operations = [migrations.RunSQL(STOP, migrations.RunSQL.noop)]
