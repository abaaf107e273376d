"""Arrays in a folder that is named by its content, mapped into memory by whoever serves, switched in one step.

    folder/<digest>/manifest.json    {"files": {name: SHA-256 of the file}, "about": {...}}
    folder/<digest>/<name>.npy       one array, no pickle
    folder/<digest>/<name>           what maps itself: a graph of usearch
    folder/CURRENT                   the digest that answers

The digest is the SHA-256 of the manifest, and the manifest holds that of every file, so one name vouches for all of it.
A writer renames a finished folder into place and then the pointer; a reader sees the old set or the new one, whole. Who
has mapped the old one keeps it: a mapping outlives the name of its file.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

POINTER, MANIFEST = "CURRENT", "manifest.json"
KEPT = 2  # the one that answers and the one before it, for readers that were about to open it
CHUNK = 2**20


class Damaged(ValueError):
    """The folder is not what its name says; the message names the file."""


@dataclass(frozen=True, eq=False)
class OpenSet:
    """arrays: mapped read-only. files: the paths of what maps itself. about: what was told, as JSON."""

    digest: str
    arrays: dict[str, np.ndarray]
    files: dict[str, Path]
    about: dict


def publish(
    folder: Path,
    arrays: Mapping[str, np.ndarray],
    about: Mapping[str, object],
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Writes the arrays and files, makes them current, and returns their digest. `about` is kept beside them, as JSON."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{uuid.uuid4().hex}"
    fresh.mkdir(mode=0o700)
    try:
        for name, array in arrays.items():
            np.save(fresh / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        for name, content in (files or {}).items():
            (fresh / name).write_bytes(content)
        digests = {path.name: _sha256(path) for path in sorted(fresh.iterdir())}
        manifest = json.dumps({"files": digests, "about": dict(about)}, sort_keys=True).encode()
        (fresh / MANIFEST).write_bytes(manifest)
        digest = hashlib.sha256(manifest).hexdigest()
        if (folder / digest).exists():  # the same arrays again, perhaps in place of damaged ones
            shutil.rmtree(folder / digest)
        fresh.rename(folder / digest)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    pointer = folder / f"{POINTER}.{uuid.uuid4().hex}"
    pointer.write_text(digest)
    pointer.replace(folder / POINTER)
    _forget(folder, digest)
    return digest


def _forget(folder: Path, current: str) -> None:
    sets = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    old = [path for path in sets if path.name != current and not path.name.startswith(".")]
    for path in old[: max(0, len(old) - (KEPT - 1))]:
        shutil.rmtree(path, ignore_errors=True)


def current(folder: Path) -> str | None:
    """The digest that answers, or None before the first was published. Costs one read of 64 bytes."""
    try:
        return (folder / POINTER).read_text().strip()
    except FileNotFoundError:
        return None


def published_at(folder: Path) -> int:
    """When the pointer was last written, in nanoseconds: the same arrays published again have the same digest."""
    try:
        return (folder / POINTER).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def open_set(folder: Path, digest: str) -> OpenSet:
    """Maps what was published under this digest. Raises Damaged before any of it is used.

    Reads every byte once, to check it: a tenth of a second per 100 MB, once a process and publication.
    """
    here = folder / digest
    arrays: dict[str, np.ndarray] = {}
    files: dict[str, Path] = {}
    try:
        manifest = (here / MANIFEST).read_bytes()
        if hashlib.sha256(manifest).hexdigest() != digest:
            raise Damaged(f"{digest[:12]}/{MANIFEST} is not what the folder's name says.")
        told = json.loads(manifest)
        for name, expected in told["files"].items():
            path = here / name
            if _sha256(path) != expected:
                raise Damaged(f"{digest[:12]}/{name} is not what was published.")
            if path.suffix == ".npy":
                mode = "r" if path.stat().st_size > CHUNK else None
                arrays[path.stem] = np.load(path, mmap_mode=mode, allow_pickle=False)
            else:
                files[name] = path
    except OSError as error:
        raise Damaged(f"{digest[:12]} cannot be read: {os.strerror(error.errno or 0)}") from error
    return OpenSet(digest, arrays, files, told["about"])


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()
