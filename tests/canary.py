"""Looks for what names a person where nothing may: in every column that is not sealed, in cache, broker and log.

Clear text counts, and what is clear text to anybody with a decoder: hex, base64, URL-encoding, session data.
"""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection

# Nearly every address in the tests' data is of this domain: a whole run with `pytest --canary` looks for it everywhere.
DOMAIN = "@example.invalid"

# As the application's role, which sees every table but the partitions, whose rows the parent shows.
TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND has_table_privilege(oid, 'SELECT') ORDER BY 1
"""


def spellings(word: str) -> set[str]:
    """The word in every form that anybody could read back, in lower case."""
    raw = word.encode()
    forms = {word, quote(word), raw.hex(), json.dumps(word)[1:-1], word.encode("punycode").decode()}
    for shift in range(3):  # wherever in a longer text it stands: the base64 letters that depend on it alone
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        forms.add(coded[(0, 2, 3)[shift] : len(coded) - 1])
    return {form.lower() for form in forms}


def in_text(text: str, words: Iterable[str]) -> list[str]:
    """Which of the words stand in the text, in whatever form."""
    lowered = text.lower()
    return [word for word in words if any(form in lowered for form in spellings(word))]


def in_database(words: Iterable[str]) -> list[str]:
    """`table: its row` for every row that shows one of the words."""
    words = list(words)
    forms = sorted({form for word in words for form in spellings(word)})
    patterns = ["%" + form.replace("%", r"\%").replace("_", r"\_") + "%" for form in forms]
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [table for (table,) in cursor.fetchall()]
        rows = " UNION ALL ".join(
            f"SELECT '{table}: ' || t::text FROM {table} t WHERE lower(t::text) LIKE ANY (%(like)s)" for table in tables
        )
        cursor.execute(rows, {"like": patterns})
        found = [row for (row,) in cursor.fetchall()]
    store = SessionStore()
    sessions = (json.dumps(store.decode(data)) for data in Session.objects.values_list("session_data", flat=True))
    return found + [f"django_session: {text}" for text in sessions if in_text(text, words)]
