"""An evidence pack: what happened as JSON and as PDF, the rows behind it, and a script that checks all of it anywhere."""

import json
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from django.core.serializers.json import DjangoJSONEncoder

from customers import ledger
from customers.services import anchors
from customers.services.evidence.pdf import Section, to_pdf

FORMAT = "attune evidence 1"
VERIFIER = Path(__file__).with_name("verify.py")
IN_MEMORY = 8 * 2**20  # a campaign to a million people makes a file of some 100 MB: that goes to disk
READ_ME = """An evidence pack of Attune.

evidence.pdf    what happened, to read
evidence.json   the same, complete
manifest.json   the SHA-256 of every file, signed with the install's Ed25519 key
verify.py       checks all of it and needs nothing but Python 3.9 or newer: python3 verify.py
*.jsonl, *.csv  the rows that evidence.json sums up; no name and no address is in any of them

The public key of the install: {key}
Get it from the install's operator by another way before you rely on it: python3 verify.py --public-key KEY
"""


@dataclass(frozen=True)
class Contents:
    """What a pack is made of: `evidence` as evidence.json, `rows` by file name, `sections` for people to read."""

    title: str
    evidence: dict
    rows: dict[str, Iterable[str]]  # lines with their ends
    sections: list[Section]


def write(contents: Contents) -> BinaryIO:
    """The pack as an open ZIP file, at its start. Rows are streamed through."""
    whole = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller sends and closes it
    digests: dict[str, str] = {}
    evidence = {"format": FORMAT, **contents.evidence}
    texts = {
        "README.txt": READ_ME.format(key=anchors.public_key().hex()).encode(),
        "evidence.json": json.dumps(evidence, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False).encode(),
        "evidence.pdf": to_pdf(contents.title, contents.sections),
        "verify.py": VERIFIER.read_bytes(),
    }
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in texts.items():
            archive.writestr(name, data)
            digests[name] = sha256(data).hexdigest()
        for name, lines in contents.rows.items():
            hasher = sha256()
            with archive.open(name, "w", force_zip64=True) as file:
                for line in lines:
                    data = line.encode()
                    hasher.update(data)
                    file.write(data)
            digests[name] = hasher.hexdigest()
        manifest = ledger.sign_document({"files": digests}, anchors.signing_key(), FORMAT.encode())
        archive.writestr("manifest.json", json.dumps(manifest, sort_keys=True, indent=1))
    whole.seek(0)
    return whole
