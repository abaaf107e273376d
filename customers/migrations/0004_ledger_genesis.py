import django.db.models.functions.datetime
from django.db import migrations, models

GUARD = """
CREATE TRIGGER genesis_no_truncate BEFORE TRUNCATE ON customers_ledgergenesis
    FOR EACH STATEMENT EXECUTE FUNCTION customers_ledger_refuse();
ALTER TABLE customers_ledgergenesis ENABLE ALWAYS TRIGGER genesis_no_truncate;
CREATE TRIGGER genesis_no_change BEFORE UPDATE OR DELETE ON customers_ledgergenesis
    FOR EACH ROW EXECUTE FUNCTION customers_ledger_refuse();
ALTER TABLE customers_ledgergenesis ENABLE ALWAYS TRIGGER genesis_no_change;
-- Shards that were begun before: the hash of customers.ledger.genesis_hash, with numbers as four bytes.
INSERT INTO customers_ledgergenesis (shard, shard_count, hash)
SELECT shard, 64, sha256('attune consent genesis 1'::bytea || int4send(64) || int4send(shard))
FROM customers_consentrecord WHERE seq = 1;
"""
UNGUARD = """
DROP TRIGGER genesis_no_truncate ON customers_ledgergenesis;
DROP TRIGGER genesis_no_change ON customers_ledgergenesis;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_subject_keys")]
    operations = [
        migrations.CreateModel(
            name="LedgerGenesis",
            fields=[
                ("shard", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("shard_count", models.PositiveSmallIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
                (
                    "begun_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={"db_table_comment": "append-only: genesis records of the consent ledger"},
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
