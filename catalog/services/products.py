"""The one way into the product table: many rows at once, inserted or updated, and a version that counts changes."""

from collections.abc import Iterable

from django.db import connection, transaction

from catalog.services.bulk import copy_csv

# What a feed may say of a product. `merchant_id` and `external_id` name it, `place` orders two rows of one name.
KEY = ("merchant_id", "external_id")
FACTS = ("title", "department", "category", "product_type", "brand", "size", "description", "url", "image_url",
         "price", "currency", "stock", "is_active", "origin")  # fmt: skip
COLUMNS = ("place", *KEY, *FACTS)

_STAGE = """
    CREATE TEMPORARY TABLE incoming_product (
        place bigint, merchant_id bigint, external_id text, title text, department text, category text,
        product_type text, brand text, size text, description text, url text, image_url text, price numeric(12, 2),
        currency text, stock integer, is_active boolean, origin text
    ) ON COMMIT DROP
"""
_FACTS = ", ".join(FACTS)
# The last of several rows for one product wins, as if they had come one after another. A row that says what is already
# known changes nothing: neither its version, which copy refers to, nor its time.
_MERGE = f"""
    INSERT INTO catalog_product AS known (merchant_id, external_id, {_FACTS}, version, updated_at)
    SELECT DISTINCT ON (merchant_id, external_id) merchant_id, external_id, {_FACTS}, 1, now()
    FROM incoming_product ORDER BY merchant_id, external_id, place DESC
    ON CONFLICT (merchant_id, external_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in FACTS)}, version = known.version + 1, updated_at = now()
    WHERE ({", ".join(f"known.{name}" for name in FACTS)})
        IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in FACTS)})
"""  # noqa: S608 (the names are the constants above)

# Before the merge, while the old values stand: prices that fall, and what sells again after it was sold out.
_NOTICE = """
    WITH last AS (
        SELECT DISTINCT ON (merchant_id, external_id) * FROM incoming_product ORDER BY merchant_id, external_id, place DESC
    ), known AS (
        SELECT p.id, p.price AS old_price, p.stock AS old_stock, last.price, last.stock
        FROM last JOIN catalog_product p ON p.external_id = last.external_id
                                        AND p.merchant_id IS NOT DISTINCT FROM last.merchant_id
        WHERE last.is_active
    )
    INSERT INTO catalog_productchange (product_id, what, before, after)
    SELECT id, 'price_fell', old_price, price FROM known WHERE price < old_price
    UNION ALL
    SELECT id, 'back', old_stock, COALESCE(stock, 1) FROM known WHERE old_stock <= 0 AND COALESCE(stock, 1) > 0
"""


def upsert(blocks: Iterable[bytes]) -> int:
    """Merges CSV blocks of COLUMNS into the products in one transaction; returns how many are new or have changed.

    A row is the whole product: a field that it leaves empty is emptied.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STAGE)
        copy_csv("incoming_product", COLUMNS, blocks)
        cursor.execute("DELETE FROM catalog_productchange WHERE at < now() - interval '30 days'")  # no news any more
        cursor.execute(_NOTICE)
        cursor.execute(_MERGE)
        changed = cursor.rowcount
        cursor.execute("DROP TABLE incoming_product")
    return changed
