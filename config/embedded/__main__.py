"""`python config/embedded/__main__.py hold FOLDER ...`: how attach starts the holder. Not meant to be typed.

Run by its path, and with stand-ins for the packages around it: their own __init__ load Celery, Django and psycopg,
half a second and 25 MB for a process that needs the standard library alone.
"""

import argparse
import os
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
for name, place in (("config", HERE.parent), ("config.embedded", HERE)):
    stand_in = sys.modules[name] = ModuleType(name)
    stand_in.__path__ = [str(place)]

from config.embedded.folder import Folder  # noqa: E402 (after the stand-ins)
from config.embedded.holder import hold  # noqa: E402

parser = argparse.ArgumentParser(prog="embedded", description="Holds the embedded servers of a data folder.")
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
