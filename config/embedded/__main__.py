"""`python -m config.embedded hold ...`: how attach starts the holder. Not meant to be typed."""

import argparse
import os
import sys
from pathlib import Path

from config.embedded.folder import Folder
from config.embedded.holder import hold

parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
parser.add_argument("command", choices=["hold"])
parser.add_argument("folder", type=Path)
parser.add_argument("--owner", type=int, required=True, help="descriptor of the locked owner.lock")
parser.add_argument("--report", type=int, required=True, help="descriptor of the pipe for the answer")
parser.add_argument("--grace", type=float, required=True, help="seconds without a user before the servers stop")
parser.add_argument("--unsafe", action="store_true", help="fsync off: for tests only")

if __name__ == "__main__":
    given = parser.parse_args()
    if os.fork():
        os._exit(0)  # the child belongs to init from here on, and no longer leads its session
    sys.exit(hold(Folder(given.folder), given.owner, given.report, not given.unsafe, given.grace))
