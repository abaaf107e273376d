"""Withdrawals against a running send, on a database of its own that is dropped afterwards.

    python -m benchmarks.withdrawal_race [--withdrawals 10000] [--delay 2]

An SMTP server on loopback waits 0 to 2 seconds between the gate and DATA of every message. Most withdrawals aim at a
message that is being handed over at that moment. Prints a tally; exits 1 when any message arrived after its withdrawal
had been acknowledged as effective, or arrived late without having been named as under way.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import argparse
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["ATTUNE_TEST_DATABASE"] = "race_attune"

import django

django.setup()

from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from tqdm import tqdm

from customers.services import consent
from tests.flows.race import trial


def main(withdrawals: int, delay: float) -> bool:
    people = withdrawals * 8 // 5  # the send outlasts the withdrawals
    print(f"{withdrawals:,} withdrawals against a send to {people:,} people, 0 to {delay:g} s between gate and DATA")
    with tqdm(total=withdrawals, unit="withdrawal", disable=None) as bar:
        tally = trial(withdrawals, people=people, senders=40, withdrawers=40, delay=delay, progress=bar.update)
    print(f"  {tally.seconds:.0f} s; {tally.while_sending:,} acknowledged while the send ran")
    print(f"  {tally.met_under_way:,} had to wait for a message under way; the longest took {tally.longest:.1f} s")
    print(f"  {tally.effective:,} acknowledged as effective, {tally.under_way:,} as “one message may be under way”")
    print(f"  {tally.sent:,} mails arrived, {tally.cancelled:,} messages were cancelled")
    print(f"  messages: {', '.join(f'{state} {reason} {n:,}' for (state, reason), n in sorted(tally.states.items()))}")
    faults = list(consent.verify())
    print(f"  sent after an effective acknowledgement: {len(tally.violations)}; faults in the ledger: {len(faults)}")
    for violation in tally.violations[:20]:
        print(f"    {violation}")
    return not tally.violations and not faults and tally.withdrawals == withdrawals


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--withdrawals", type=int, default=10_000)
    parser.add_argument("--delay", type=float, default=2.0)
    asked = parser.parse_args()
    old = setup_databases(verbosity=0, interactive=False)
    try:
        held = main(asked.withdrawals, asked.delay)
    finally:
        for alias in connections:
            connections[alias].close()
        teardown_databases(old, verbosity=0)
    sys.exit(0 if held else 1)
