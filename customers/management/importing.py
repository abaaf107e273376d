"""What the three import commands share: options, the dry run, the load, and the report."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from customers.exceptions import ImportRefused
from customers.models import ImportBatch
from customers.services import import_files, import_run, imports
from customers.services.import_fields import FIELDS, guess

SHOWN = 20


class ImportCommand(BaseCommand):
    """A file from this machine. Without --map the columns are found by their names; --dry-run loads nothing."""

    kind = ""

    def add_arguments(self, parser):
        names = ", ".join(field.name for field in FIELDS[self.kind])
        parser.add_argument("file", type=Path, help="CSV (UTF-8) or Parquet")
        parser.add_argument(
            "--map", action="append", default=[], metavar="FIELD=COLUMN", help=f"which column is what. Fields: {names}"
        )
        parser.add_argument("--zone", default="", help="the time zone of times that name none, as Europe/Zurich (UTC)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be refused, and load nothing")
        parser.add_argument("--rejects", type=Path, help="write the refused lines there: line, field, reason, remedy")
        parser.add_argument("--origin", choices=("observed", "simulated"), default="observed")

    def handle(self, *args, **options):
        path = options["file"]
        try:
            batch = imports.register(self.kind, path, origin=options["origin"])
            mapping = self._mapping(batch, path, options["map"])
            batch = imports.choose(batch.pk, mapping, {name: options.get(name) or "" for name in imports.OPTIONS})
            same = imports.twin(batch)
            batch = self._run(batch, path, "dry run")
            if same is not None:
                imports.discard(batch.pk)
                self.stdout.write(f"The same file came in as import {same.pk}: nothing changed.")
                return
            if options["dry_run"]:
                self._report(batch, options["rejects"])
                return
            imports.load(batch.pk)
            batch = self._run(batch, path, "load")
        except OSError as error:
            raise CommandError(f"{path}: cannot be read ({error.strerror}).") from None
        except ImportRefused as refusal:
            raise CommandError(f"{path}: {refusal}") from None
        self._report(batch, options["rejects"])

    def _mapping(self, batch: ImportBatch, path: Path, given: list[str]) -> dict[str, str]:
        with path.open("rb") as file:
            columns = import_files.columns(file, batch.format)
        ImportBatch.objects.filter(pk=batch.pk).update(columns=columns)
        mapping = guess(self.kind, columns)
        for pair in given:
            field, equals, column = pair.partition("=")
            if not equals:
                raise CommandError(f"--map {pair}: write FIELD=COLUMN.")
            mapping[field] = column
        return mapping

    def _run(self, batch: ImportBatch, path: Path, what: str) -> ImportBatch:
        with tqdm(desc=what, unit=" lines", disable=None, file=self.stderr, leave=False) as bar:
            import_run.run(batch.pk, path, progress=bar.update)
        batch.refresh_from_db()
        if batch.state == ImportBatch.State.FAILED:
            raise CommandError(f"{batch.name}: {batch.message}")
        return batch

    def _report(self, batch: ImportBatch, rejects: Path | None) -> None:
        done = "would be taken in" if batch.state == ImportBatch.State.CHECKED else "taken in"
        self.stdout.write(
            f"import {batch.pk}: {batch.done:,} lines read, {batch.taken:,} {done}, {batch.known:,} known before, "
            f"{batch.rejected:,} refused. {batch.message}".strip()
        )
        for what, number in batch.brought.items():
            self.stdout.write(f"  {number:,} {what}")
        if rejects is not None:
            with rejects.open("w", encoding="utf-8", newline="") as file:
                file.writelines(imports.reject_lines(batch.pk))
            return
        for one in imports.rejects(batch.pk)[:SHOWN]:
            self.stdout.write(f"line {one.line}: {one.field}: {one.reason} {one.remedy}".rstrip())
