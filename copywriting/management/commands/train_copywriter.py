"""Tunes the local language model on the shop's products and approved texts, and shows how far it is."""

import json
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from copywriting.contracts import COPYWRITER
from copywriting.tasks import train
from copywriting.training import train as train_here
from registry import queries, services


class Command(BaseCommand):
    help = "Tunes an adapter for the copywriter (some ten CPU minutes); it goes live when loss and gate both hold."

    def add_arguments(self, parser):
        parser.add_argument("--here", action="store_true", help="tune in this process instead of a worker")
        parser.add_argument("--steps", type=int, help="steps of the recipe; 120 unless told")
        parser.add_argument("--texts", action="store_true", help="learn from the catalogue's descriptions too")
        parser.add_argument(
            "--noise", type=float, help="differential privacy for those texts: about 1; none unless told"
        )
        parser.add_argument("--no-promote", action="store_true", help="leave a candidate")
        parser.add_argument("--wait", type=int, default=3600, help="seconds to wait for the worker")
        parser.add_argument("--export", type=Path, help="a folder for the adapter and its card")

    def handle(self, *args, here, steps, texts, noise, no_promote, wait, export, **options):
        asked = {"promote": not no_promote, "texts": texts, "steps": steps, "noise": noise}
        run = services.ask(COPYWRITER, {name: value for name, value in asked.items() if value})
        if here:
            train_here(run.pk)
        else:
            train.delay(run.pk)
        self._follow(run, 0 if here else wait)
        version = queries.versions(COPYWRITER).filter(run=run).get()
        self.stdout.write(f"version {version.pk} is {version.status}: {version.params['card']}")
        for name, row in version.metrics.items():
            self.stdout.write(f"  {name}: {row['value']:.3f}, before {row['baseline']:.3f} ({version.baseline})")
        if export:
            self._export(version, export)

    def _follow(self, run, wait: int) -> None:
        deadline = time.monotonic() + wait
        with tqdm(total=100, desc="tuning", unit="%", bar_format="{l_bar}{bar}| {postfix}") as bar:
            while True:
                run.refresh_from_db()
                bar.n = round(100 * run.share_done)
                bar.set_postfix_str(run.step)
                if run.state == "succeeded":
                    return
                if run.state == "failed":
                    raise CommandError(f"the tuning failed: {run.error}")
                if time.monotonic() > deadline:
                    raise CommandError(f"the tuning is {run.state} after {wait} s; is a worker on queue ml running?")
                time.sleep(0.5)

    def _export(self, version, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter.safetensors").write_bytes(services.load_payload(version))
        card = {
            **version.params,
            "digest": version.artifact_digest,
            "metrics": version.metrics,
            "pairs_train": version.rows,
        }
        (folder / "card.json").write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        self.stdout.write(f"exported to {folder}")
