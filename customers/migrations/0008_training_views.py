"""What learning reads: views without names, contact points, free text or customer numbers, for whoever holds the key.

A reading gives four settings for its transaction: the two pads of an HMAC key (as hex, 64 bytes each), its epoch, and the
window. Without them every view is empty. The key itself never rests in the database.

HMAC-SHA-256 is sha256(outer || sha256(inner || message)) with the key's two pads; PostgreSQL has sha256 built in and no
hmac without an extension. The pseudonym is the epoch in the upper 6 bits and the first 57 bits of the HMAC: a positive
bigint; two of a million people share one once in 300,000 installs.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION customers_pseudonym(person bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (current_setting('attune.training_epoch')::bigint << 57)
         + (('x' || encode(substring(
               sha256(decode(current_setting('attune.training_outer'), 'hex')
                      || sha256(decode(current_setting('attune.training_inner'), 'hex') || int8send(person)))
               FROM 1 FOR 8), 'hex'))::bit(64) >> 7)::bigint
    WHERE length(current_setting('attune.training_inner', true)) = 128
      AND length(current_setting('attune.training_outer', true)) = 128
$$;
"""
# Who may be learnt from is settled first, once a person: present, observed, did not refuse. Doubted people stay marked:
# what leaving them out changes can be measured without reading what anybody refused.
# The one view with customer numbers in it: `migrate` gives the application no right to it, the other views read it.
LEARNABLE = """
CREATE VIEW customers_training_learnable AS
SELECT c.id, customers_pseudonym(c.id) AS person, c.excluded_at IS NOT NULL AS is_doubted
FROM customers_customer c
WHERE c.origin = 'observed' AND c.erased_at IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM customers_consentstate s
      WHERE s.customer_id = c.id AND s.purpose = 'model_training' AND s.action IN ('refused', 'withdrawn', 'objected'))
  AND length(current_setting('attune.training_inner', true)) = 128
"""
# A moment is its day in UTC; baskets of one person and day follow each other by a second, so that they stay apart and in
# their order while the hour is gone.
ORDERS = """
SELECT o.id, c.person, o.channel, o.total, o.discount, o.coupon_discount,
       date_trunc('day', o.ordered_at, 'UTC') + interval '1 second' * (dense_rank() OVER (
           PARTITION BY o.customer_id, date_trunc('day', o.ordered_at, 'UTC') ORDER BY o.ordered_at) - 1) AS moment,
       c.is_doubted OR o.excluded_at IS NOT NULL AS is_doubted
FROM customers_order o JOIN learnable c ON c.id = o.customer_id
WHERE o.origin = 'observed' AND o.cancelled_at IS NULL
  AND o.ordered_at >= NULLIF(current_setting('attune.training_since', true), '')::timestamptz
  AND o.ordered_at < NULLIF(current_setting('attune.training_until', true), '')::timestamptz
"""
WITH = "WITH learnable AS MATERIALIZED (SELECT * FROM customers_training_learnable)"
ORDER_VIEW = f"""
CREATE VIEW customers_training_order AS {WITH}
SELECT person, moment, channel, total, discount, coupon_discount, is_doubted FROM ({ORDERS}) o
"""  # noqa: S608 - constants of this file
LINE_VIEW = f"""
CREATE VIEW customers_training_line AS {WITH}
SELECT o.person, l.product_id, o.moment, l.quantity, l.amount, o.is_doubted
FROM ({ORDERS}) o JOIN customers_orderline l ON l.order_id = o.id WHERE l.quantity > 0
"""  # noqa: S608 - constants of this file
# Of what the platform told of a person: as much as at least five share, else less. Each step counts those whom the step
# before left over, so no class that is shown is smaller than five.
PERSON_VIEW = """
CREATE VIEW customers_training_person AS
WITH told AS MATERIALIZED (
    SELECT l.person, c.attributes ->> 'age' AS age, c.attributes ->> 'income' AS income,
           c.attributes ->> 'household_size' AS household_size
    FROM customers_training_learnable l JOIN customers_customer c ON c.id = l.id
), whole AS (
    SELECT *, count(*) OVER (PARTITION BY age, income, household_size) >= 5 AS fits FROM told
), without_size AS (
    SELECT person, age, income, count(*) OVER (PARTITION BY age, income) >= 5 AS fits FROM whole WHERE NOT fits
), age_alone AS (
    SELECT person, age, count(*) OVER (PARTITION BY age) >= 5 AS fits FROM without_size WHERE NOT fits
)
SELECT person, age, income, household_size FROM whole WHERE fits
UNION ALL SELECT person, age, income, NULL FROM without_size WHERE fits
UNION ALL SELECT person, CASE WHEN fits THEN age END, NULL, NULL FROM age_alone
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_rights")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION customers_pseudonym(bigint)"),
        migrations.RunSQL(LEARNABLE, "DROP VIEW customers_training_learnable"),
        migrations.RunSQL(ORDER_VIEW, "DROP VIEW customers_training_order"),
        migrations.RunSQL(LINE_VIEW, "DROP VIEW customers_training_line"),
        migrations.RunSQL(PERSON_VIEW, "DROP VIEW customers_training_person"),
    ]
