"""Looks for what names a person where nothing may: in every column that is not sealed, in cache, log and error pages.

Every test with a database is such a trial (conftest): what it brings in of people is looked for when it ends. The broker
and the names are the part of test_canary.

Clear text counts, and what is clear text to anybody with a decoder: hex, base64, URL-encoding, session data.
"""

import base64
import io
import json
import logging
import pickle
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client

from customers.services import seal

# Nearly every address in the tests' data is of this domain: every test looks for it, whether or not it was ever sealed.
DOMAIN = "@example.invalid"
MOST = 30  # words of a test: each costs a pattern for every row

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
    connection.ensure_connection()
    # The driver's own cursor, prepared: a hundred tables cost 35 ms to plan and 1 to read.
    with psycopg.Cursor(connection.connection) as cursor:
        tables = [table for (table,) in cursor.execute(TABLES).fetchall()]
        rows = " UNION ALL ".join(
            f"SELECT '{table}: ' || t::text FROM {table} t WHERE lower(t::text) LIKE ANY (%(like)s)" for table in tables
        )
        found = [row for (row,) in cursor.execute(rows, {"like": patterns}, prepare=True).fetchall()]
    store = SessionStore()
    sessions = (json.dumps(store.decode(data)) for data in Session.objects.values_list("session_data", flat=True))
    return found + [f"django_session: {text}" for text in sessions if in_text(text, words)]


# What somebody typed stands in their own form again, and nowhere else on the page.
TYPED = re.compile(r"<input[^>]*>|<textarea.*?</textarea>", re.S)


class Watch:
    """What one test brought in of people, and every place where none of it may rest when it ends."""

    def __init__(self):
        self.words = {DOMAIN}
        self.log = io.StringIO()
        self.refusals: list[str] = []

    def sealed(self, kind: str, value: str) -> None:
        """Of an address its domain: one word for all of them, and an address is nowhere where its domain is not."""
        if kind == "email":
            self.words.add(value[value.rindex("@") :])
        elif kind == "phone" and len(self.words) < MOST:
            self.words.add(value)

    def answered(self, response) -> None:
        """Refusals and error pages are for anybody's eyes."""
        if response.status_code >= 400 and not response.streaming:
            self.refusals.append(TYPED.sub("", response.content.decode("utf-8", "replace")))

    def found(self) -> list[str]:
        """`place: what stands there` of every leak."""
        forms = {form for word in self.words for form in spellings(word)}
        kept = [(f"cache {key}", str(pickle.loads(value)).lower()) for key, value in cache._cache.items()]  # noqa: S301
        pages = [("refusal", page.lower()) for page in self.refusals]
        texts = [*kept, *pages, *(("log", line) for line in self.log.getvalue().lower().splitlines())]
        leaks = [f"{place}: {text}" for place, text in texts if any(form in f"{place} {text}" for form in forms)]
        return leaks if connection.needs_rollback else leaks + in_database(self.words)


@contextmanager
def watching() -> Iterator[Watch]:
    """Everything that is sealed as a contact point meanwhile is a canary, as is whatever the tests' own domain ends."""
    watch = Watch()
    seal_contact, request = seal.seal_contact, Client.request

    def sealing(key: bytes, kind: str, value: str) -> bytes:
        watch.sealed(kind, value)
        return seal_contact(key, kind, value)

    def requesting(client, **more):
        response = request(client, **more)
        watch.answered(response)
        return response

    site = next(one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    handler = logging.StreamHandler(watch.log)
    handler.setFormatter(site.formatter)
    for one in site.filters:
        handler.addFilter(one)
    logging.getLogger().addHandler(handler)
    seal.seal_contact, Client.request = sealing, requesting
    try:
        yield watch
    finally:
        seal.seal_contact, Client.request = seal_contact, request
        logging.getLogger().removeHandler(handler)
