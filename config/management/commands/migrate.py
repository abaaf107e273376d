"""Django's migrate, as the owner: then the month partitions of events, then the application role's rights, each time."""

from django.conf import settings
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections, transaction
from psycopg import sql

from customers.services import partitions

# A view is read; but for the one that joins customer numbers to the pseudonyms of training, which is for other views.
# Nothing on partitions: row-level security and grants of the parent do not hold where one is named directly.
# SELECT and INSERT alone where the table calls itself append-only. Everything else a web process needs.
TABLES = """
    SELECT c.relname,
           CASE WHEN c.relispartition OR c.relname = 'customers_training_learnable' THEN 'none'
                WHEN c.relkind = 'v' THEN 'read'
                WHEN c.relname = 'django_migrations' THEN 'read'
                WHEN obj_description(c.oid, 'pg_class') LIKE 'append-only%%' THEN 'append'
                ELSE 'all' END
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY 1
"""
RIGHTS = {"none": None, "read": "SELECT", "append": "SELECT, INSERT", "all": "SELECT, INSERT, UPDATE, DELETE"}


def grant(connection, role: str) -> None:
    """Gives `role` exactly the rights above and takes everything else from it. Safe to repeat."""
    name = sql.Identifier(role)
    # In one transaction: a web process that runs meanwhile never sees the moment without rights.
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
        cursor.execute(TABLES)
        for table, kind in cursor.fetchall():
            if RIGHTS[kind]:
                cursor.execute(
                    sql.SQL("GRANT " + RIGHTS[kind] + " ON {} TO {}").format(sql.Identifier("public", table), name)
                )
        cursor.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))


class Command(DjangoMigrate):
    help = "Migrates as the owner (DATABASE_OWNER_URL), makes the partitions of events and grants the application role."

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args, **options):
        super().handle(*args, **options)
        if options["database"] != "owner" or options["plan"] or options["check_unapplied"]:
            return
        if "customers_event" in connections["owner"].introspection.table_names():
            partitions.ensure()
        if settings.DATABASES["default"]["USER"] != settings.DATABASES["owner"]["USER"]:
            grant(connections["owner"], settings.DATABASES["default"]["USER"])
