"""Endpoints of merchants and of the platform, and the outbox that the database itself fills.

What an endpoint is told is written in the transaction in which it happened, whoever wrote it: a delivery, a provider's
report, a withdrawal by a link or by staff. Each is one insert a statement, and nothing while nobody listens.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from accounts.contracts import NO_ROW_SECURITY, ROW_SECURITY

# As the platform, whoever's connection it is: a merchant's order may concern an endpoint of the platform.
OPEN = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE seen_as text := COALESCE(current_setting('attune.merchant', true), '');
BEGIN
    PERFORM set_config('attune.merchant', 'platform', true);
    IF NOT EXISTS (SELECT FROM campaigns_webhookendpoint WHERE disabled_at IS NULL) THEN
        PERFORM set_config('attune.merchant', seen_as, true);
        RETURN NULL;
    END IF;
    INSERT INTO campaigns_webhookdelivery (endpoint_id, kind, campaign_id, customer_id, message_id, order_id, words)
    {select};
    PERFORM set_config('attune.merchant', seen_as, true);
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {when} ON {table} {rows} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""
NEW, BOTH = "REFERENCING NEW TABLE AS fresh", "REFERENCING NEW TABLE AS fresh OLD TABLE AS stale"
TOLD = (
    (
        "campaigns_tell_message",
        "UPDATE",
        "campaigns_message",
        BOTH,
        """SELECT e.id, 'message.' || f.state, f.campaign_id, f.customer_id, f.id, NULL,
                  jsonb_build_object('channel', f.channel, 'reason', f.reason)
           FROM fresh f JOIN stale s ON s.id = f.id AND s.state <> f.state
           JOIN campaigns_campaign c ON c.id = f.campaign_id
           JOIN campaigns_webhookendpoint e ON e.disabled_at IS NULL AND 'message.' || f.state = ANY (e.kinds)
                AND (e.merchant_id IS NULL OR e.merchant_id = c.merchant_id AND f.channel = 'webhook')
           WHERE f.state IN ('sent', 'delivered', 'bounced', 'complained', 'failed')""",
    ),
    (
        "campaigns_tell_step",
        "INSERT",
        "campaigns_transition",
        NEW,
        """SELECT e.id, k.kind, f.campaign_id, NULL, NULL, NULL, '{}'::jsonb
           FROM fresh f JOIN campaigns_campaign c ON c.id = f.campaign_id
           CROSS JOIN LATERAL (SELECT CASE WHEN f.action = 'start' THEN 'campaign.started'
                                           WHEN f.to_state = 'paused' THEN 'campaign.paused'
                                           WHEN f.to_state = 'sent' THEN 'campaign.finished'
                                           WHEN f.to_state = 'cancelled' THEN 'campaign.cancelled' END AS kind) k
           JOIN campaigns_webhookendpoint e ON e.disabled_at IS NULL AND k.kind = ANY (e.kinds)
                AND (e.merchant_id IS NULL OR e.merchant_id = c.merchant_id)""",
    ),
    (
        "campaigns_tell_consent",
        "INSERT",
        "customers_consentrecord",
        NEW,
        """SELECT e.id, 'consent.withdrawn', NULL, f.customer_id, NULL, NULL,
                  jsonb_build_object('purpose', f.purpose, 'channel', f.channel)
           FROM fresh f
           JOIN campaigns_webhookendpoint e ON e.disabled_at IS NULL AND 'consent.withdrawn' = ANY (e.kinds)
                AND (e.merchant_id IS NULL OR EXISTS (
                    SELECT FROM campaigns_message m JOIN campaigns_campaign c ON c.id = m.campaign_id
                    WHERE m.customer_id = f.customer_id AND m.channel = 'webhook' AND c.merchant_id = e.merchant_id))
           WHERE f.action IN ('withdrawn', 'objected') AND f.customer_id IS NOT NULL""",
    ),
    (
        "campaigns_tell_order",
        "INSERT",
        "customers_order",
        NEW,
        """SELECT DISTINCT e.id, 'order.attributed', m.campaign_id, f.customer_id, NULL::bigint, f.id, '{}'::jsonb
           FROM fresh f JOIN campaigns_message m ON m.customer_id = f.customer_id AND m.sent_at <= f.ordered_at
           JOIN campaigns_campaign c ON c.id = m.campaign_id
                AND f.ordered_at < m.sent_at + c.attribution_days * interval '1 day'
           JOIN campaigns_webhookendpoint e ON e.disabled_at IS NULL AND 'order.attributed' = ANY (e.kinds)
                AND e.merchant_id IS NULL
           WHERE f.origin = 'observed'""",
    ),
)


def _telling(name: str, when: str, table: str, rows: str, select: str) -> migrations.RunSQL:
    made = OPEN.format(name=name, when=when, table=table, rows=rows, select=select)
    return migrations.RunSQL(made, f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();")


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0012_provider_reports"),
        ("catalog", "0003_product_changes"),
        ("customers", "0018_listed_people"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event", models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID())),
                ("kind", models.CharField(max_length=30)),
                ("words", models.JSONField(db_default={})),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("delivered", "delivered"),
                            ("failed", "given up"),
                            ("dropped", "dropped"),
                        ],
                        db_default="waiting",
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(db_default=0)),
                ("not_before", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="campaigns.message"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.order"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("is_taken", models.BooleanField()),
                ("words", models.CharField(max_length=300)),
                ("took_ms", models.PositiveIntegerField()),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="campaigns.webhookdelivery",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("url", models.CharField(max_length=500)),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), size=None),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("disabled_reason", models.CharField(blank=True, max_length=200)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.merchant",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="campaigns.webhookendpoint",
            ),
        ),
        migrations.CreateModel(
            name="WebhookSecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.BinaryField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("ends_at", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="secrets",
                        to="campaigns.webhookendpoint",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(fields=["merchant", "-id"], name="webhook_newest"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["endpoint", "-id"], name="webhook_delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["endpoint", "not_before", "id"],
                name="webhook_waiting",
            ),
        ),
        migrations.RunSQL(
            ROW_SECURITY.format(table="campaigns_webhookendpoint"),
            NO_ROW_SECURITY.format(table="campaigns_webhookendpoint"),
        ),
        *(_telling(*one) for one in TOLD),
    ]
