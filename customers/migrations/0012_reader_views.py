"""What trends and the fraud sweep read: views under a pseudonym, for whoever holds the key (0008_training_views).

Trends need no date, only which week of the window it was. Words come sealed under their person's own key:
customers.services.searches opens them, and lets out none that only a few people typed.

The sweep reads orders under pseudonyms of a purpose of its own, "risk", so that nothing it holds can be joined with what
models learn. It needs more than learning does, and this is why: the moment exactly, for its rules count orders within an
hour and a day; an order's number, for a flag stands on one order; people who refused to be learnt from and whoever is
doubted already, for fraud does not ask. There is no name, contact point, address or text; a basket is products and
quantities, 12 bytes a line (int8, int4, big-endian), ten times fewer rows to carry than lines. The lines come by a
subquery, which finds them by index even before a bulk load has been analysed.

Whose orders a block has is a setting too (attune.risk_people), so the numbers of customers stay in customers.queries.doubt.
"""

from django.db import migrations

HOLDS_KEY = "length(current_setting('attune.training_inner', true)) = 128"
SINCE = "NULLIF(current_setting('attune.training_since', true), '')::timestamptz"
UNTIL = "NULLIF(current_setting('attune.training_until', true), '')::timestamptz"
WITH = "WITH learnable AS MATERIALIZED (SELECT id, person FROM customers_training_learnable WHERE NOT is_doubted)"
SALE = f"""
CREATE VIEW customers_training_sale AS {WITH}
SELECT c.person, l.product_id, 1 + floor(extract(epoch FROM o.ordered_at - {SINCE}) / 604800)::int AS week
FROM customers_order o JOIN learnable c ON c.id = o.customer_id JOIN customers_orderline l ON l.order_id = o.id
WHERE o.origin = 'observed' AND o.cancelled_at IS NULL AND o.excluded_at IS NULL AND l.quantity > 0
  AND o.ordered_at >= {SINCE} AND o.ordered_at < {UNTIL}
"""  # noqa: S608 - constants of this file
SEARCH = f"""
CREATE VIEW customers_training_search AS {WITH}
SELECT c.person, 1 + floor(extract(epoch FROM e.occurred_at - {SINCE}) / 604800)::int AS week, e.sealed
FROM customers_event e JOIN learnable c ON c.id = e.customer_id
WHERE e.name = 'Products Searched' AND e.origin = 'observed' AND e.sealed IS NOT NULL
  AND e.occurred_at >= {SINCE} AND e.occurred_at < {UNTIL}
"""  # noqa: S608 - constants of this file
ORDER = """
o.ordered_at AS moment, o.currency, o.total, o.coupon_discount,
coalesce((SELECT string_agg(int8send(l.product_id) || int4send(l.quantity), '')
          FROM customers_orderline l WHERE l.order_id = o.id), '') AS lines
"""
# A person's pseudonym is computed once, not once an order.
RISK_ORDER = f"""
CREATE VIEW customers_risk_order AS
WITH people AS MATERIALIZED (
    SELECT id, customers_pseudonym(id) AS person
    FROM unnest(NULLIF(current_setting('attune.risk_people', true), '')::bigint[]) AS id WHERE {HOLDS_KEY}
)
SELECT o.id AS order_id, p.person, {ORDER},
       o.received_at >= NULLIF(current_setting('attune.risk_since', true), '')::timestamptz AS is_new
FROM people p JOIN customers_order o ON o.customer_id = p.id
WHERE o.origin = 'observed' AND o.ordered_at >= {SINCE} AND o.ordered_at < {UNTIL}
"""  # noqa: S608 - constants of this file
RISK_ORDINARY = f"""
CREATE VIEW customers_risk_ordinary AS
SELECT o.id AS order_id, customers_pseudonym(o.customer_id) AS person, {ORDER}
FROM customers_order o
WHERE o.origin = 'observed' AND o.excluded_at IS NULL AND o.customer_id IS NOT NULL AND {HOLDS_KEY}
"""  # noqa: S608 - constants of this file


class Migration(migrations.Migration):
    dependencies = [("customers", "0011_row_security")]
    operations = [
        migrations.RunSQL(SALE, "DROP VIEW customers_training_sale"),
        migrations.RunSQL(SEARCH, "DROP VIEW customers_training_search"),
        migrations.RunSQL(RISK_ORDER, "DROP VIEW customers_risk_order"),
        migrations.RunSQL(RISK_ORDINARY, "DROP VIEW customers_risk_ordinary"),
    ]
