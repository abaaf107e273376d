"""Whoever changes in a way that a segment can ask about is written down by the database itself.

A mark of how far ids or times were read would miss what these catch: a row committed late stands below the mark, a cancelled
order or a withdrawn consent changes an old row and has no time of its own, a deleted one leaves nothing to read. And the
rooms below need not know of segments. One insert a statement, not a row: a load of a thousand events adds one.
"""

from django.db import migrations

# (table, column of the customer, only rows for which this holds)
WATCHED = (
    ("customers_customer", "id", "true"),
    ("customers_event", "customer_id", "origin = 'observed'"),
    ("customers_order", "customer_id", "true"),
    ("customers_consentstate", "customer_id", "true"),
    ("recommendations_profile", "customer_id", "true"),
    ("risk_flag", "customer_id", "true"),
    ("campaigns_message", "customer_id", "sent_at IS NOT NULL"),
    ("campaigns_redemption", "customer_id", "origin = 'observed'"),
    ("campaigns_listentry", "customer_id", "true"),
)
# What names its customer through another row: how the ids are found in `rows`, the changed rows.
THROUGH = (
    (
        "customers_orderline",
        "SELECT o.customer_id FROM rows r JOIN customers_order o ON o.id = r.order_id",
    ),
    (
        "campaigns_click",
        "SELECT m.customer_id FROM rows r JOIN campaigns_message m ON m.id = r.message_id WHERE r.origin = 'observed'",
    ),
)
NOTE = """
CREATE FUNCTION campaigns_note_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO campaigns_changedperson (customer_id) SELECT DISTINCT %1$I FROM fresh WHERE %1$I IS NOT NULL
                    AND %2$s', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;
CREATE FUNCTION campaigns_note_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO campaigns_changedperson (customer_id) SELECT person FROM (
                    SELECT %1$I AS person FROM fresh WHERE %2$s UNION SELECT %1$I FROM stale WHERE %2$s) x
                    WHERE person IS NOT NULL', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;
CREATE FUNCTION campaigns_note_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO campaigns_changedperson (customer_id) SELECT DISTINCT %1$I FROM stale WHERE %1$I IS NOT NULL
                    AND %2$s', TG_ARGV[0], TG_ARGV[1]);
    RETURN NULL;
END $$;
-- The list of a file holds while its import stands.
CREATE FUNCTION campaigns_note_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_changedperson (customer_id)
    SELECT DISTINCT i.customer_id FROM fresh f JOIN stale s ON s.id = f.id AND s.state <> f.state
    JOIN customers_importedrow i ON i.batch_id = f.id AND i.what = 'listed'
    WHERE 'loaded' IN (f.state, s.state);
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_note_changed AFTER UPDATE ON customers_importbatch
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_import();
-- Who bought a thing that is now called something else, or stands on another shelf.
CREATE FUNCTION campaigns_note_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_changedperson (customer_id)
    SELECT DISTINCT o.customer_id FROM fresh f JOIN stale s ON s.id = f.id
    JOIN customers_orderline l ON l.product_id = f.id JOIN customers_order o ON o.id = l.order_id
    WHERE (f.department, f.category, f.product_type, f.brand, f.external_id)
          IS DISTINCT FROM (s.department, s.category, s.product_type, s.brand, s.external_id) AND o.customer_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_note_changed AFTER UPDATE ON catalog_product
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_product();
"""
UNNOTE = """
DROP TRIGGER campaigns_note_changed ON catalog_product;
DROP TRIGGER campaigns_note_changed ON customers_importbatch;
DROP FUNCTION campaigns_note_product();
DROP FUNCTION campaigns_note_import();
DROP FUNCTION campaigns_note_gone();
DROP FUNCTION campaigns_note_changed();
DROP FUNCTION campaigns_note_new();
"""
TRIGGERS = """
CREATE TRIGGER campaigns_note_new AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION {new};
CREATE TRIGGER campaigns_note_changed AFTER UPDATE ON {table}
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION {changed};
CREATE TRIGGER campaigns_note_gone AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION {gone};
"""
UNTRIGGERS = "".join(f"DROP TRIGGER campaigns_note_{what} ON {{table}};\n" for what in ("gone", "changed", "new"))
FUNCTION = """
CREATE FUNCTION campaigns_note_{table}_{what}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_changedperson (customer_id)
    SELECT DISTINCT customer_id FROM (WITH rows AS ({rows}) {find}) x WHERE customer_id IS NOT NULL;
    RETURN NULL;
END $$;
"""
ROWS = {
    "new": "SELECT * FROM fresh",
    "changed": "SELECT * FROM fresh UNION ALL SELECT * FROM stale",
    "gone": "SELECT * FROM stale",
}


def _simple(table: str, column: str, condition: str) -> migrations.RunSQL:
    arguments = f"'{column}', '{condition.replace(chr(39), chr(39) * 2)}'"
    functions = {what: f"campaigns_note_{what}({arguments})" for what in ROWS}
    return migrations.RunSQL(TRIGGERS.format(table=table, **functions), UNTRIGGERS.format(table=table))


def _through(table: str, find: str) -> list[migrations.RunSQL]:
    functions = {what: f"campaigns_note_{table}_{what}()" for what in ROWS}
    made = "".join(FUNCTION.format(table=table, what=what, rows=rows, find=find) for what, rows in ROWS.items())
    dropped = "".join(f"DROP FUNCTION {name};\n" for name in functions.values())
    return [
        migrations.RunSQL(made, dropped),
        migrations.RunSQL(TRIGGERS.format(table=table, **functions), UNTRIGGERS.format(table=table)),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0010_membership"),
        ("catalog", "0001_initial"),
        ("customers", "0018_listed_people"),
        ("recommendations", "0001_initial"),
        ("risk", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(NOTE, UNNOTE),
        *(_simple(*one) for one in WATCHED),
        *(operation for one in THROUGH for operation in _through(*one)),
    ]
