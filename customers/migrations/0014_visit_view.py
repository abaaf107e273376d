"""The last reading of learning that still saw customers: visits to the site and the app, under pseudonyms.

Half an hour of silence ends a visit, as in most web analytics. Only channels with a screen have visits. A visit is a
number, so no time comes out; as in 0008_training_views the view is empty without the key, and so without the window.
"""

from django.db import migrations

SINCE = "NULLIF(current_setting('attune.training_since', true), '')::timestamptz"
UNTIL = "NULLIF(current_setting('attune.training_until', true), '')::timestamptz"
VISIT = f"""
CREATE VIEW customers_training_visit AS
WITH learnable AS MATERIALIZED (SELECT id, person FROM customers_training_learnable WHERE NOT is_doubted), steps AS (
    SELECT c.person, e.name, e.occurred_at,
           CASE WHEN e.occurred_at - lag(e.occurred_at) OVER (PARTITION BY c.person ORDER BY e.occurred_at)
                     <= interval '30 minutes' THEN 0 ELSE 1 END AS begins
    FROM customers_event e JOIN learnable c ON c.id = e.customer_id
    WHERE e.origin = 'observed' AND e.channel IN ('web', 'app', 'social')
      AND e.occurred_at >= {SINCE} AND e.occurred_at < {UNTIL}
      AND e.name IN ('Products Searched', 'Product List Viewed', 'Product Viewed', 'Product Clicked', 'Product Added',
                     'Cart Viewed', 'Checkout Started', 'Order Completed')
)
SELECT person, sum(begins) OVER (PARTITION BY person ORDER BY occurred_at) AS visit, name FROM steps
"""  # noqa: S608 - constants of this file


class Migration(migrations.Migration):
    dependencies = [("customers", "0013_training_line_store")]
    operations = [migrations.RunSQL(VISIT, "DROP VIEW customers_training_visit")]
