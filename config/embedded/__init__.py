"""Embedded Postgres and Valkey, so that a laptop needs nothing but pip; and what any other server must hold to.

attachment  what a process calls: the servers are up, and stay up for as long as it lives
holder      the process that owns the servers and leaves after their last user
postgres, valkey   one server each: make, start, ask, stop
folder, child      the data folder with its locks; child processes with their logs
probe       refuses a database role with too many rights, an old server, a busy port
archive     dump and restore
"""

from config.embedded.archive import dump, restore
from config.embedded.attachment import Servers, attach, renew
from config.embedded.exceptions import StartRefused
from config.embedded.probe import check_port, free_port, probe

__all__ = ["Servers", "StartRefused", "attach", "check_port", "dump", "free_port", "probe", "renew", "restore"]
