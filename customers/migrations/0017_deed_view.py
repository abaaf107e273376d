"""What people did on social networks, counted under pseudonyms: no time, no word, no number (0008_training_views)."""

from django.db import migrations

SINCE = "NULLIF(current_setting('attune.training_since', true), '')::timestamptz"
UNTIL = "NULLIF(current_setting('attune.training_until', true), '')::timestamptz"
DEED = f"""
CREATE VIEW customers_training_deed AS
WITH learnable AS MATERIALIZED (SELECT id, person FROM customers_training_learnable WHERE NOT is_doubted)
SELECT c.person, lower(split_part(e.name, ' ', 3)) AS action, coalesce(e.properties ->> 'network', '') AS network,
       coalesce(e.properties ->> 'product_id', '') AS product, count(*) AS deeds
FROM customers_event e JOIN learnable c ON c.id = e.customer_id
WHERE e.name LIKE 'Social %' AND e.origin = 'observed' AND e.occurred_at >= {SINCE} AND e.occurred_at < {UNTIL}
GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants of this file


class Migration(migrations.Migration):
    dependencies = [("customers", "0016_fresh_suppressions")]
    operations = [migrations.RunSQL(DEED, "DROP VIEW customers_training_deed")]
