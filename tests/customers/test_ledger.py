"""The consent ledger's arithmetic: frozen bytes, and every way to tamper with a chain found and named."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers import ledger
from customers.contracts import Action, Channel, LawfulBasis, Purpose
from customers.exceptions import AnchorRefused
from customers.ledger import Cause, Entry, Fault, Head

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
PRIVATE_KEY = bytes(range(32))


def a_subject(shard: int) -> bytes:
    """A pseudonym that falls into the shard: its first 8 bytes are the shard's number."""
    return shard.to_bytes(8) + b"s" * 24


def an_entry(**changes) -> Entry:
    return Entry(
        **{
            "shard": 3,
            "seq": 1,
            "subject": a_subject(3),
            "customer_id": 7,
            "purpose": Purpose.MARKETING,
            "channel": Channel.EMAIL,
            "action": Action.GIVEN,
            "lawful_basis": LawfulBasis.CONSENT,
            "notice_version": "2026-01",
            "notice_sha256": b"n" * 32,
            "language": "de",
            "method": "form",
            "origin": "observed",
            "actor": "subject",
            "jurisdiction": "EU",
            "ip_truncated": "192.0.2.0/24",
            "sealed": None,
            "valid_until": None,
            "recorded_at": AT,
            "prev_hash": ledger.genesis_hash(3),
        }
        | changes
    )


def a_chain(shard: int, length: int) -> list[tuple[Entry, bytes]]:
    links, previous = [], ledger.genesis_hash(shard)
    for seq in range(1, length + 1):
        entry = an_entry(shard=shard, seq=seq, subject=a_subject(shard), actor=f"act {seq}", prev_hash=previous)
        previous = ledger.entry_hash(entry)
        links.append((entry, previous))
    return links


def heads_of(*chains) -> dict[int, Head]:
    return {chain[-1][0].shard: Head(chain[-1][0].seq, chain[-1][1]) for chain in chains}


def edited(link, **changes):
    return dataclasses.replace(link[0], **changes), link[1]


def resealed(link, **changes):
    """As somebody would who can also compute the hash."""
    entry = dataclasses.replace(link[0], **changes)
    return entry, ledger.entry_hash(entry)


def causes(links, heads=None):
    return [(fault.shard, fault.seq, fault.cause) for fault in ledger.verify(links, heads)]


# --- bytes and hashes


def test_the_bytes_of_a_record_are_frozen():
    """Every record ever written is hashed like this: a change here makes each of them look edited."""
    by_hand = b"attune consent 1" + b"".join(
        b"-" if value is None else b"+" + len(value).to_bytes(4, "big") + value
        for value in [
            *[b"3", b"1", b"\0" * 7 + b"\3" + b"s" * 24, b"7"],
            *[b"marketing", b"email", b"given", b"consent", b"2026-01", b"n" * 32],
            *[b"de", b"form", b"observed", b"subject", b"EU", b"192.0.2.0/24"],
            *[None, None, b"1767323045000006"],  # 2026-01-02 03:04:05.000006
            hashlib.sha256(b"attune consent genesis 1" + b"\0\0\0\x40" + b"\0\0\0\3").digest(),
        ]
    )
    assert ledger.canonical(an_entry()) == by_hand
    assert ledger.entry_hash(an_entry()).hex() == "e930962d158d6ad839b0003ad5d4563876776814133a1b569696b97b1ca612c1"


def test_every_column_is_hashed():
    assert set(ledger.ALL_FIELDS) == {field.name for field in dataclasses.fields(Entry)}


@pytest.mark.parametrize(
    "change",
    [
        {"shard": 4},
        {"seq": 2},
        {"subject": a_subject(4)},
        {"customer_id": 8},
        {"customer_id": None},
        {"purpose": Purpose.PROFILING},
        {"channel": Channel.SMS},
        {"action": Action.REFUSED},
        {"lawful_basis": LawfulBasis.SOFT_OPT_IN},
        {"notice_version": ""},
        {"notice_sha256": None},
        {"language": "en"},
        {"method": "import"},
        {"origin": "simulated"},
        {"actor": "staff:1"},
        {"jurisdiction": "CN"},
        {"ip_truncated": ""},
        {"sealed": b""},
        {"valid_until": AT},
        {"recorded_at": AT + timedelta(microseconds=1)},
        {"prev_hash": b"p" * 32},
        {"form_sha256": b"f" * 32},
    ],
)
def test_a_change_of_any_column_changes_the_hash(change):
    assert ledger.entry_hash(an_entry(**change)) != ledger.entry_hash(an_entry())


@given(first=st.tuples(st.text(), st.text(), st.text()), second=st.tuples(st.text(), st.text(), st.text()))
def test_text_cannot_move_from_one_column_to_the_next_unseen(first, second):
    names = ("language", "method", "origin")
    one, other = (ledger.canonical(an_entry(**dict(zip(names, texts, strict=True)))) for texts in (first, second))
    assert (one == other) == (first == second)


def test_a_moment_has_one_hash_in_every_zone_and_none_without():
    in_zurich = AT.astimezone(timezone(timedelta(hours=1)))
    assert ledger.entry_hash(an_entry(recorded_at=in_zurich)) == ledger.entry_hash(an_entry())
    with pytest.raises(TypeError, match="offset-naive"):
        ledger.entry_hash(an_entry(recorded_at=AT.replace(tzinfo=None)))


def test_a_database_drivers_views_hash_as_bytes():
    views = an_entry(subject=memoryview(a_subject(3)), prev_hash=memoryview(ledger.genesis_hash(3)))
    assert ledger.entry_hash(views) == ledger.entry_hash(an_entry())
    assert list(ledger.verify([(views, memoryview(ledger.entry_hash(views)))])) == []


def test_people_spread_over_all_shards_and_stay_there():
    subjects = [hashlib.sha256(str(number).encode()).digest() for number in range(6400)]
    counts = [0] * 64
    for subject in subjects:
        counts[ledger.shard_of(subject)] += 1
    assert min(counts) > 60
    assert max(counts) < 140
    assert ledger.shard_of(b"\0" * 7 + b"\x45" + b"\xff" * 24) == 5


def test_each_shard_and_each_number_of_shards_starts_elsewhere():
    starts = {ledger.genesis_hash(shard, count) for count in (32, 64) for shard in range(count)}
    assert len(starts) == 96


# --- verification: three shards, of which the middle one is tampered with

FIRST, CHAIN, LAST = a_chain(2, 3), a_chain(3, 8), a_chain(60, 2)
HEADS = heads_of(FIRST, CHAIN, LAST)


def whole(chain):
    return [*FIRST, *chain, *LAST]


def test_whole_chains_have_no_fault():
    assert causes(whole(CHAIN), HEADS) == []
    assert causes([], {}) == []


def test_records_after_the_anchor_are_no_fault():
    assert causes(whole(CHAIN), heads_of(FIRST, CHAIN[:5], LAST)) == []


@pytest.mark.parametrize("at", [0, 3, 7])
def test_an_edited_record_is_named(at):
    chain = CHAIN.copy()
    chain[at] = edited(chain[at], action=Action.WITHDRAWN)
    assert causes(whole(chain)) == [(3, at + 1, Cause.EDITED)]


def test_a_changed_hash_is_named_once():
    chain = CHAIN.copy()
    chain[3] = (chain[3][0], b"x" * 32)
    assert causes(whole(chain), HEADS) == [(3, 4, Cause.EDITED)]


def test_a_record_edited_with_its_hash_is_named():
    chain = CHAIN.copy()
    chain[3] = resealed(chain[3], action=Action.WITHDRAWN)
    assert list(ledger.verify(whole(chain))) == [
        Fault(3, 4, Cause.REWRITTEN, "record 5 was chained to another record in its place")
    ]


def test_the_last_record_edited_with_its_hash_is_found_by_the_anchor_alone():
    chain = CHAIN.copy()
    chain[7] = resealed(chain[7], action=Action.WITHDRAWN)
    assert causes(whole(chain)) == []
    assert causes(whole(chain), HEADS) == [(3, 8, Cause.REWRITTEN)]


def test_a_chain_rewritten_to_its_end_is_found_by_the_anchor_alone():
    chain = CHAIN[:3]
    for entry, _ in CHAIN[3:]:
        chain.append(resealed((entry, b""), actor="forged", prev_hash=chain[-1][1]))
    assert causes(whole(chain)) == []
    assert causes(whole(chain), HEADS) == [(3, 8, Cause.REWRITTEN)]


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        (slice(0, 1), Fault(3, 2, Cause.GAP, "1 record is missing before it")),
        (slice(3, 4), Fault(3, 5, Cause.GAP, "1 record is missing before it")),
        (slice(2, 6), Fault(3, 7, Cause.GAP, "4 records are missing before it")),
    ],
)
def test_deleted_records_leave_a_gap(gone, fault):
    chain = CHAIN.copy()
    del chain[gone]
    assert list(ledger.verify(whole(chain), HEADS)) == [fault]


def test_a_cut_tail_is_found_by_the_anchor_alone():
    assert causes(whole(CHAIN[:6])) == []
    assert list(ledger.verify(whole(CHAIN[:6]), HEADS)) == [
        Fault(3, 7, Cause.CUT, "the chain ends at record 6, the anchor names 8")
    ]


def test_missing_shards_are_found_by_the_anchor_alone():
    assert causes(CHAIN) == []
    assert causes(CHAIN, HEADS) == [(2, 1, Cause.MISSING), (60, 1, Cause.MISSING)]
    assert causes([], HEADS) == [(2, 1, Cause.MISSING), (3, 1, Cause.MISSING), (60, 1, Cause.MISSING)]


@pytest.mark.parametrize("pair", [(0, 1), (3, 4), (1, 6)])
def test_swapped_records_are_both_named(pair):
    one, other = pair
    chain = CHAIN.copy()
    chain[one], chain[other] = edited(CHAIN[other], seq=one + 1), edited(CHAIN[one], seq=other + 1)
    assert list(ledger.verify(whole(chain), HEADS)) == [
        Fault(3, one + 1, Cause.SWAPPED, f"it was written as record {other + 1}"),
        Fault(3, other + 1, Cause.SWAPPED, f"it was written as record {one + 1}"),
    ]


def test_an_inserted_record_is_named():
    forged = resealed(CHAIN[3], actor="forged")
    assert causes(whole([*CHAIN[:4], forged, *CHAIN[4:]])) == [(3, 4, Cause.INSERTED)]


def test_an_inserted_record_with_the_rest_numbered_anew_is_found():
    forged = resealed(CHAIN[3], actor="forged", seq=5, prev_hash=CHAIN[3][1])
    moved = [edited(link, seq=link[0].seq + 1) for link in CHAIN[4:]]
    assert causes([*CHAIN[:4], forged, *moved]) == [(3, seq, Cause.SWAPPED) for seq in (6, 7, 8, 9)]


def test_a_chain_with_another_start_is_named():
    chain = [resealed(CHAIN[0], prev_hash=ledger.genesis_hash(3, 32)), *CHAIN[1:]]
    assert causes(chain) == [(3, 1, Cause.REWRITTEN)]


def test_a_record_in_another_persons_shard_is_named():
    assert causes([resealed(CHAIN[0], subject=a_subject(9))]) == [(3, 1, Cause.FOREIGN)]


def test_a_shard_that_does_not_exist_is_named():
    beyond = an_entry(shard=64, subject=a_subject(64), prev_hash=ledger.genesis_hash(64))
    assert causes([(beyond, ledger.entry_hash(beyond))]) == [(64, 1, Cause.FOREIGN)]


def test_two_faults_do_not_hide_each_other():
    chain = CHAIN.copy()
    chain[1], chain[6] = edited(chain[1], actor="x"), edited(chain[6], actor="y")
    del chain[4]
    assert causes(chain) == [(3, 2, Cause.EDITED), (3, 6, Cause.GAP), (3, 7, Cause.EDITED)]


def test_records_out_of_order_are_the_callers_fault():
    with pytest.raises(ValueError, match="ordered by shard and number"):
        list(ledger.verify([CHAIN[1], CHAIN[0]]))
    with pytest.raises(ValueError, match="ordered by shard and number"):
        list(ledger.verify([*CHAIN, *FIRST]))


@given(
    at=st.integers(0, 7),
    name=st.sampled_from(["actor", "method", "language", "notice_version", "ip_truncated", "jurisdiction"]),
    text=st.text(max_size=12),
)
def test_no_edit_of_a_text_escapes(at, name, text):
    changed = edited(CHAIN[at], **{name: text})
    is_same = changed[0] == CHAIN[at][0]
    assert causes([*CHAIN[:at], changed, *CHAIN[at + 1 :]]) == ([] if is_same else [(3, at + 1, Cause.EDITED)])


@given(keep=st.sets(st.integers(0, 7), max_size=8))
def test_no_deletion_escapes_an_anchor(keep):
    remaining = [CHAIN[at] for at in sorted(keep)]
    assert bool(causes(remaining, heads_of(CHAIN))) == (len(keep) < 8)


def test_it_reads_a_stream_and_reports_at_once():
    def endless():
        yield CHAIN[0]
        yield edited(CHAIN[1], actor="x")
        raise AssertionError("read on before the fault was reported")

    assert next(ledger.verify(endless())).seq == 2


# --- anchors


def test_an_anchor_says_where_every_shard_ended():
    line = ledger.sign_heads(HEADS, AT, PRIVATE_KEY)
    anchor = ledger.verify_anchor(line, ledger.anchor_public_key(PRIVATE_KEY))
    assert "\n" not in line
    assert anchor.at == AT
    assert len(anchor.heads) == 64
    assert {shard: head for shard, head in anchor.heads.items() if head.seq} == HEADS
    assert anchor.heads[0] == Head(0, ledger.genesis_hash(0))
    assert causes(whole(CHAIN), anchor.heads) == []


def test_an_anchor_that_was_changed_is_refused():
    public_key = ledger.anchor_public_key(PRIVATE_KEY)
    payload = json.loads(ledger.sign_heads(HEADS, AT, PRIVATE_KEY))
    for changed in (
        payload | {"at": "2026-01-02T03:04:05.000007+00:00"},
        payload | {"heads": payload["heads"] | {"3": [6, CHAIN[5][1].hex()]}},
        payload | {"heads": {shard: head for shard, head in payload["heads"].items() if shard != "3"}},
        payload | {"signature": "00" * 64},
        payload | {"more": 1},
    ):
        with pytest.raises(AnchorRefused, match="was changed"):
            ledger.verify_anchor(json.dumps(changed), public_key)


def test_an_anchor_of_another_key_is_refused():
    line = ledger.sign_heads(HEADS, AT, PRIVATE_KEY)
    with pytest.raises(AnchorRefused, match="another key"):
        ledger.verify_anchor(line, ledger.anchor_public_key(b"x" * 32))


@pytest.mark.parametrize("line", ["", "{", "[]", "{}", '{"signature": "zz"}', '{"signature": 5}', "\x00"])
def test_a_damaged_line_is_refused(line):
    with pytest.raises(AnchorRefused, match="is damaged"):
        ledger.verify_anchor(line, ledger.anchor_public_key(PRIVATE_KEY))
