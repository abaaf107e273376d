"""The catalogue of translations, from what pages and code say: `manage.py translations`, `--check` in a test."""

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.template import templatize

from config.words import vocabulary

LOCALE = "zh_Hans"
ROOMS = (
    "accounts",
    "catalog",
    "customers",
    "registry",
    "recommendations",
    "copywriting",
    "risk",
    "campaigns",
    "config",
)
KEYWORDS = {
    **dict.fromkeys(("_", "lazy", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
}
# What Django's own reader of templates makes of them: calls with literal arguments.
LITERAL = r"""u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(rf"\b(gettext|ngettext|pgettext|_)\(\s*({LITERAL}(?:,\s*{LITERAL})*)")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%[sd%]")

Message = str | tuple[str, str]


def said() -> Iterator[tuple[str, Message, str]]:
    """(context, msgid or (singular, plural), file) of everything translatable."""
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html")):
        where = str(path.relative_to(settings.BASE_DIR))
        for context, message in _of_template(path):
            yield context, message, where
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            if "migrations" not in path.parts:
                where = str(path.relative_to(settings.BASE_DIR))
                found = extract("python", BytesIO(path.read_bytes()), keywords=KEYWORDS, options={"encoding": "utf-8"})
                for _line, message, _comments, context in found:
                    yield context or "", message, where
    for word in vocabulary():
        yield "", word, "config/words.py"


def _of_template(path: Path) -> Iterator[tuple[str, Message]]:
    for name, arguments in CALL.findall(templatize(path.read_text(encoding="utf-8"), origin=str(path))):
        given = ast.literal_eval(f"({arguments},)")
        if name == "pgettext":
            yield given[0], given[1]
        elif name == "ngettext":
            yield "", (given[0], given[1])
        else:
            yield "", given[0]


def template() -> Catalog:
    catalog = Catalog(project="Attune", version="", fuzzy=False)
    for context, message, where in said():
        catalog.add(message, locations=[(where, 0)], context=context or None, flags=())
    return catalog


def catalogue() -> Path:
    return settings.LOCALE_PATHS[0] / LOCALE / "LC_MESSAGES" / "django.po"


def read() -> Catalog:
    with catalogue().open("rb") as file:
        return pofile.read_po(file, locale=LOCALE)


def compiled(catalog: Catalog) -> bytes:
    out = BytesIO()
    mofile.write_mo(out, catalog)
    return out.getvalue()


def faults(catalog: Catalog) -> list[str]:
    """What is not translated, what nothing says any more, and a translation that lost or made up a placeholder."""
    wanted = {(message.context or "", message.id) for message in template() if message.id}
    held = {(message.context or "", message.id): message for message in catalog if message.id}
    found = [f"not in the catalogue: {message!r}" for _, message in wanted - held.keys()]
    found += [f"said nowhere: {message!r}" for _, message in held.keys() - wanted]
    for (_, said_as), message in held.items():
        ids = said_as if isinstance(said_as, tuple) else (said_as,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in texts:
            if not text:
                found.append(f"not translated: {said_as!r}")
            elif set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(ids[-1])):
                found.append(f"other placeholders: {said_as!r} became {text!r}")
    return found


class Command(BaseCommand):
    help = "Brings the Chinese catalogue up to what pages and code say, and compiles it."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is missing")

    def handle(self, *, check, **options):
        if not check:
            catalog = read()
            catalog.update(template(), no_fuzzy_matching=True, update_creation_date=False)
            catalog.obsolete.clear()
            with catalogue().open("wb") as file:
                pofile.write_po(file, catalog, width=0, include_lineno=False, sort_output=True, ignore_obsolete=True)
            catalogue().with_suffix(".mo").write_bytes(compiled(catalog))
        found = faults(read())
        for fault in found:
            self.stdout.write(fault)
        if found:
            raise CommandError(f"{len(found)} faults in {catalogue().relative_to(settings.BASE_DIR)}")
        self.stdout.write("everything that pages and code say is translated")
