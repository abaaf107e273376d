"""Verifies an evidence pack of Attune with Python's standard library alone: python3 verify.py [FOLDER OR ZIP]

It computes every hash anew and compares. It exits 0 when everything holds, 1 when something was changed, 2 when nothing
was changed but something cannot be proven from this pack alone (it says what, and why).

    --public-key HEX   the install's public key, had from elsewhere than this pack; checks signatures, which needs the
                       package `cryptography`. Without it a signature is compared with nothing and said to be unchecked.

How a consent record is hashed: SHA-256 over "attune consent 1", then each field in the order of FIELDS: "-" when it is
null, else "+", its length as 4 bytes big-endian, and its bytes (text in UTF-8, numbers in decimal, times as microseconds
since 1970, bytes as they are). One that names the form it was given on begins with "attune consent 2", and form_sha256
follows the others. Each record holds the hash of the one before it in its shard.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = InvalidSignature = None

FIELDS = (
    "shard", "seq", "subject", "customer_id", "purpose", "channel", "action", "lawful_basis", "notice_version",
    "notice_sha256", "language", "method", "origin", "actor", "jurisdiction", "ip_truncated", "sealed", "valid_until",
    "recorded_at", "prev_hash",
)  # fmt: skip
BYTES = {"subject", "notice_sha256", "sealed", "prev_hash", "form_sha256"}
TIMES = {"valid_until", "recorded_at"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - this file runs on older Pythons too


class Report:
    def __init__(self):
        self.faults, self.open, self.checked = [], [], []


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # an older Python reads no "Z"


def canonical(record: dict) -> bytes:
    form = record.get("form_sha256")  # a record that names the form it was given on has a format of its own
    parts = [b"attune consent 2" if form else b"attune consent 1"]
    for name in (*FIELDS, "form_sha256") if form else FIELDS:
        value = record[name]
        if value is None:
            parts.append(b"-")
            continue
        if name in BYTES:
            data = bytes.fromhex(value)
        elif name in TIMES:
            data = str((moment(value) - EPOCH) // timedelta(microseconds=1)).encode()
        else:
            data = str(value).encode()
        parts += (b"+", len(data).to_bytes(4, "big"), data)
    return b"".join(parts)


def genesis(shard: int, count: int) -> str:
    return sha256(b"attune consent genesis 1" + count.to_bytes(4, "big") + shard.to_bytes(4, "big"))


def check_files(pack: dict, report: Report) -> None:
    manifest = json.loads(pack["manifest.json"])
    for name, digest in manifest["files"].items():
        if name not in pack:
            report.faults.append(f"{name} is missing from the pack")
        elif sha256(pack[name]) != digest:
            report.faults.append(f"{name} was changed: it does not have the hash that the manifest names")
    report.checked.append(f"{len(manifest['files'])} files against the manifest")


def signed(document: dict, kind: bytes, key: bytes) -> bool:
    payload = {name: value for name, value in document.items() if name != "signature"}
    text = kind + b"\n" + json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(document["signature"]), text)
    except (InvalidSignature, KeyError, ValueError):
        return False
    return True


def check_signatures(pack: dict, key: "bytes | None", report: Report) -> None:
    if key is None or Ed25519PublicKey is None:
        why = "no public key was given" if key is None else "the package cryptography is not installed"
        report.open.append(f"signatures are unchecked: {why}")
        return
    documents = [("manifest.json", json.loads(pack["manifest.json"]), b"attune evidence 1")]
    if pack.get("anchor.json", b"").strip():
        documents.append(("anchor.json", json.loads(pack["anchor.json"]), b"attune anchor 1"))
    for name, document, kind in documents:
        if signed(document, kind, key):
            report.checked.append(f"the signature of {name}")
        else:
            report.faults.append(f"{name} was not signed with this key, or was changed since")


def check_records(pack: dict, evidence: dict, report: Report) -> None:
    """Each record by itself, the links between those that follow each other, the words, and the anchored head."""
    rows = [json.loads(line) for line in pack["records.jsonl"].decode().splitlines()]
    last = None
    gaps = 0
    for row in rows:
        name = f"record {row['shard']}/{row['seq']}"
        if sha256(canonical(row)) != row["hash"]:
            report.faults.append(f"{name}: its fields do not give its hash")
        if last and (last["shard"], last["seq"] + 1) == (row["shard"], row["seq"]):
            if row["prev_hash"] != last["hash"]:
                report.faults.append(f"{name}: it is not chained to the record before it")
        elif row["seq"] == 1:
            if row["prev_hash"] != genesis(row["shard"], evidence["shards"]):
                report.faults.append(f"{name}: it is not chained to the start of its shard")
        elif last and last["shard"] == row["shard"]:
            gaps += 1
        last = row
    report.checked.append(f"{len(rows)} consent records and the links between them")
    if gaps:
        report.open.append(
            f"{gaps} times other people's records lie between two of these: their chain is proven by a pack that was made "
            "with them, or by verify_ledger on the install"
        )
    check_notices(rows, evidence["notices"], report)
    check_anchor(pack, rows, report)


def check_notices(rows: list, notices: dict, report: Report) -> None:
    for version, notice in notices.items():
        digest = sha256(notice["text"].encode())
        for row in rows:
            if row["notice_version"] == version and row["notice_sha256"] != digest:
                report.faults.append(
                    f"record {row['shard']}/{row['seq']}: the words of {version} are not those it names"
                )
    named = {row["notice_version"] for row in rows if row["notice_version"]}
    for version in sorted(named - set(notices)):
        report.faults.append(f"the words of {version} are missing")
    report.checked.append(f"{len(named)} wordings")


def check_anchor(pack: dict, rows: list, report: Report) -> None:
    if not rows:
        return
    if not pack.get("anchor.json", b"").strip():
        report.open.append("no anchor is in this pack: a chain that was rewritten to its end would not show")
        return
    anchor = json.loads(pack["anchor.json"])
    for shard in sorted({row["shard"] for row in rows}):
        seq, digest = anchor["heads"][str(shard)]
        anchored = [row for row in rows if (row["shard"], row["seq"]) == (shard, seq)]
        if not anchored:
            report.open.append(
                f"the anchored record {shard}/{seq} is not in this pack, so the anchor proves nothing of it"
            )
        elif anchored[0]["hash"] != digest:
            report.faults.append(f"record {shard}/{seq}: the anchor of {anchor['at']} holds another hash for it")
        else:
            report.checked.append(f"the chain of shard {shard} against the anchor of {anchor['at']}")


def check_campaign(pack: dict, evidence: dict, report: Report) -> None:
    audience = list(csv.DictReader(io.StringIO(pack["audience.csv"].decode())))
    if evidence["approvals"]:
        newest = evidence["approvals"][0]
        text = json.dumps(newest["content"], sort_keys=True, separators=(",", ":")).encode()
        hasher = hashlib.sha256(text)
        for row in audience:
            hasher.update(f"\n{row['customer_id']}:{row['segment_id']}:{row['items'].replace(' ', ',')}".encode())
        missing = newest["audience_size"] - len(audience)
        if missing > 0:
            report.open.append(
                f"{missing} of the approved people are erased, so the approval's digest cannot be computed"
            )
        elif hasher.hexdigest() != newest["digest"]:
            report.faults.append("content and audience are not what was approved: the digest differs")
        else:
            report.checked.append(f"the approved digest, over the content and {len(audience)} people")
    else:
        report.open.append("nobody approved this campaign")
    check_arms(pack, evidence, {row["customer_id"] for row in audience}, report)
    check_log(pack, evidence, report)


def check_arms(pack: dict, evidence: dict, audience: set, report: Report) -> None:
    campaign = evidence["campaign"]
    threshold = round(campaign["holdout_share"] * 2**48)
    rows = list(csv.DictReader(io.StringIO(pack["assignments.csv"].decode())))
    counts = {}
    for row in rows:
        counts[row["arm"], row["reason"]] = counts.get((row["arm"], row["reason"]), 0) + 1
        if row["customer_id"] not in audience:
            report.faults.append(f"customer {row['customer_id']} was assigned and is not in the audience")
        if row["arm"] == "excluded":
            continue
        draw = int.from_bytes(hashlib.sha256(f"{campaign['salt']}\n{row['unit']}".encode()).digest()[:6], "big")
        if row["arm"] != ("holdout" if draw < threshold else "treated"):
            report.faults.append(f"customer {row['customer_id']}: the draw does not give the arm {row['arm']}")
    named = {(step["arm"], step["reason"]): step["people"] for step in evidence["gate"]}
    if named != counts:
        report.faults.append("the gate's counts are not those of the assignments")
    report.checked.append(f"{len(rows)} assignments: each arm drawn anew, and the gate's counts")


def check_log(pack: dict, evidence: dict, report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(pack["messages.csv"].decode())))
    treated = {
        row["customer_id"]
        for row in csv.DictReader(io.StringIO(pack["assignments.csv"].decode()))
        if row["arm"] == "treated"
    }
    approved_at = moment(evidence["approvals"][-1]["at"]) if evidence["approvals"] else None
    counts = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
        if row["customer_id"] not in treated:
            report.faults.append(f"message {row['message_id']} is to somebody who was not treated")
        if row["sent_at"] and approved_at and moment(row["sent_at"]) < approved_at:
            report.faults.append(f"message {row['message_id']} was sent before anybody approved")
    if counts != evidence["messages"]:
        report.faults.append("the numbers of messages by state are not those of the log")
    report.checked.append(f"{len(rows)} lines of the send log")


def read(path: Path) -> dict:
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def verify(pack: dict, key: "bytes | None") -> Report:
    report = Report()
    check_files(pack, report)
    check_signatures(pack, key, report)
    evidence = json.loads(pack["evidence.json"])
    if evidence["kind"] == "person":
        check_records(pack, evidence, report)
    else:
        check_campaign(pack, evidence, report)
    return report


def main(arguments: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(description="Verifies an evidence pack of Attune.")
    parser.add_argument("pack", nargs="?", default=str(Path(__file__).parent), help="the unpacked folder, or the ZIP")
    parser.add_argument("--public-key", help="64 hex digits, had from elsewhere than the pack")
    asked = parser.parse_args(arguments)
    report = verify(read(Path(asked.pack)), bytes.fromhex(asked.public_key) if asked.public_key else None)
    for words, lines in (("holds", report.checked), ("UNPROVEN", report.open), ("CHANGED", report.faults)):
        for line in lines:
            print(f"{words:>8}  {line}")
    print("The pack does not hold." if report.faults else "Everything that this pack can prove holds.")
    return 1 if report.faults else 2 if report.open else 0


if __name__ == "__main__":
    sys.exit(main())
