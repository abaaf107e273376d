"""The holder: the one process that owns the embedded servers of a data folder.

It is nobody's child and in a session of its own, so that neither the end of the command that started it nor a Ctrl-C
reaches it. The servers are its children and die with it. It leaves when for a while no process has shared users.lock.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

from config.embedded import child
from config.embedded.exceptions import StartRefused
from config.embedded.folder import Folder
from config.embedded.postgres import Postgres, environment
from config.embedded.valkey import Valkey

POLL = 0.25  # seconds between two looks at servers and users
# Replaying the log of a crash takes as long as the writes since the last checkpoint did, five minutes' worth at most.
PATIENCE = 300.0
# A server that dies this often within this many seconds is not helped by one more start.
DEATHS, WITHIN = 5, 60.0


class Holder:
    def __init__(self, folder: Folder, owner: int, durable: bool, grace: float):
        self.folder, self.owner, self.grace = folder, owner, grace
        self.servers = (Postgres(folder, durable), Valkey(folder))
        self.processes: dict[str, subprocess.Popen] = {}
        self.deaths: list[float] = []
        self.users = os.open(folder.path / "users.lock", os.O_RDWR | os.O_CLOEXEC)
        self.ready = os.open(folder.path / "ready.lock", os.O_RDWR | os.O_CLOEXEC)

    def start(self) -> None:
        for server in self.servers:
            if server.name not in self.processes:
                self._start(server)
        fcntl.flock(self.ready, fcntl.LOCK_EX)  # waits only for a user that is looking at it right now

    def _start(self, server: Postgres | Valkey) -> None:
        """Starts one server and waits until it answers; again while a killed one's last processes are in the way."""
        server.prepare()
        deadline = time.monotonic() + PATIENCE
        while True:
            before = child.size(server.log)
            process = child.spawn(
                server.argv(),
                server.log,
                account=server.account,
                death=server.death,
                env=environment(),
                keep=[self.owner],  # owner.lock stays taken until the last process of the server is gone
            )
            self.processes[server.name] = process
            while not child.ended(process) and time.monotonic() < deadline:
                if server.answers():
                    server.provision()
                    return
                time.sleep(0.02)
            child.stop(process, server.stops)
            del self.processes[server.name]
            if not server.may_retry(before) or time.monotonic() > deadline:
                raise StartRefused(server.why(before))
            time.sleep(0.2)

    def run(self) -> None:
        """Watches until nobody needs the servers, or the folder is gone. Raises when a server cannot be kept up."""
        last_use = time.monotonic()
        while self.folder.knows(self.users):
            if not self._take_users():
                last_use = time.monotonic()
            elif time.monotonic() - last_use > self.grace:
                return  # with users.lock: whoever wants to attach from now on waits for the end of this process
            else:
                fcntl.flock(self.users, fcntl.LOCK_UN)
            self._keep_up()
            time.sleep(POLL)
        # Somebody removed the folder and may have made it anew: an orderly end would remove the new servers' sockets.
        for process in self.processes.values():
            child.kill_group(process)
        self.processes.clear()

    def _take_users(self) -> bool:
        """Takes users.lock, which works only while no process shares it."""
        try:
            fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _keep_up(self) -> None:
        """Restarts a server that died, and keeps the logs small."""
        for server in self.servers:
            child.bound(server.log)
            process = self.processes.get(server.name)
            if process is not None and child.ended(process):
                fcntl.flock(self.ready, fcntl.LOCK_UN)
                child.kill_group(process)
                self.processes.pop(server.name)
                say(f"{server.name} ended with {process.returncode}: {(child.tail(server.log) or [''])[0]}")
                now = time.monotonic()
                self.deaths = [death for death in self.deaths if now - death < WITHIN] + [now]
                if len(self.deaths) > DEATHS:
                    raise StartRefused(
                        f"{server.name} ended {len(self.deaths)} times within a minute: see {server.log}."
                    )
        if len(self.processes) < len(self.servers):
            self.start()
            say("both servers answer again")

    def stop(self) -> None:
        """Valkey first: what a last worker put into the database on its behalf is then in."""
        for server in reversed(self.servers):
            process = self.processes.pop(server.name, None)
            if process is not None:
                child.stop(process, server.stops)
        if self.folder.run.parent != self.folder.path:
            with contextlib.suppress(OSError):
                self.folder.run.rmdir()


def say(text: str) -> None:
    """To holder.log, which is this process's standard error."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} [{os.getpid()}] {text}\n")
    sys.stderr.flush()


def leave(number, frame) -> None:
    """SIGTERM, from a machine that shuts down: stops the servers in order, users or not."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit


def hold(folder: Folder, owner: int, report: int, durable: bool, grace: float) -> int:
    """Starts both servers, writes `ready` or the reason of a refusal to `report`, and holds them; the exit status."""
    os.set_inheritable(owner, False)  # it came through exec; the servers get it by name
    os.set_inheritable(report, False)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    holder = Holder(folder, owner, durable, grace)
    answer = "refused: The holder of the servers ended early; see log/holder.log."
    with contextlib.suppress(BrokenPipeError), os.fdopen(report, "w", encoding="utf-8") as pipe:
        try:
            say("starts")
            folder.prepare()  # again: the last holder may just have removed its folder under /tmp
            holder.start()
            answer = "ready"
        except StartRefused as refusal:
            answer = f"refused: {refusal}"
        finally:
            if answer != "ready":
                holder.stop()
            say(answer)
            pipe.write(answer)
    if answer != "ready":
        return 1
    try:
        holder.run()
        say("leaves after the last user")
    except StartRefused as refusal:
        say(f"gives up: {refusal}")
    finally:
        holder.stop()
    return 0
