"""The recommendations endpoint under 50 clients at once: `python -m benchmarks.serving_http`, under a minute.

On this machine's own web process, started as the supervisor starts it, over loopback, on the data of ATTUNE_DATA_DIR (a
demo store): as fast as the clients can, and at 100 requests a second in all (goal: p99 under 50 ms on two cores). Clients,
web and database share the cores; printed is where the processor time went.
"""

# ruff: noqa: E402 - Django is set up before anything of it is imported
import http.client
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

import django

django.setup()

import numpy as np
from django.conf import settings
from tqdm import tqdm

from accounts.services import issue_api_key
from catalog.services.offers import service_account
from config.embedded import free_port
from customers.models import Customer
from recommendations.models import Recommendation

CLIENTS, REQUESTS, PACED_SECONDS, PACED_RATE = 50, 1_000, 10.0, 100.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    people = list(
        Customer.objects.filter(pk__in=Recommendation.objects.filter(rank=1).values("customer_id")[:500]).values_list(
            "external_id", flat=True
        )
    )
    if not people:
        raise SystemExit(f"{settings.DATA_DIR} holds no scored people: run `make demo` first, or `train_recommenders`.")
    account = service_account(merchant_id=None, username=f"benchmark-{os.getpid()}")
    row, key = issue_api_key(account, "benchmark", ["recommendations.read"], actor=None)
    port = free_port("127.0.0.1", 8300)
    argv = [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}", "--preload", "--workers=2"]
    argv += ["--worker-class=gthread", "--threads=4", "--no-control-socket", "--log-level=error"]
    server = subprocess.Popen(
        argv, cwd=Path(__file__).resolve().parents[1], start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        asks = [f"/api/v1/recommendations/?customer={person}" for person in people]
        _run(port, key, asks, CLIENTS * 2, rate=None)  # warms both workers
        print(f"\nhttp: {CLIENTS} clients, {len(people)} people, {os.cpu_count()} cores for clients, web and database")
        for name, count, rate in (
            ("as fast as they can", REQUESTS, None),
            (f"{PACED_RATE:.0f} requests a second", int(PACED_RATE * PACED_SECONDS), PACED_RATE),
        ):
            before, own, began = _processor(server.pid), time.process_time(), time.perf_counter()
            taken = _run(port, key, asks, count, rate=rate)
            wall = time.perf_counter() - began
            web, client = (_processor(server.pid) - before) / count, (time.process_time() - own) / count
            p50, p99 = np.percentile(taken, [50, 99]) * 1e3
            print(
                f"  {name:<24} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {count / wall:5.0f} a second; processor time a "
                f"request: web {1e3 * web:.1f} ms, clients {1e3 * client:.1f} ms"
            )
        print(
            "  The closed loop's p50 is what 50 requests' work takes on the cores that are left (Little's law); at a rate, what "
            f"is over the work of one request is waiting for a core. Load average now: {os.getloadavg()[0]:.1f}."
        )
    finally:
        server.terminate()
        server.wait(20)
        type(row).objects.filter(pk=row.pk).delete()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/accounts/login/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web process did not come up in 20 s")


def _run(port: int, key: str, asks: list[str], count: int, rate: float | None) -> list[float]:
    """Seconds of each request; every client keeps its connection, and at a rate begins at its own even times."""
    taken: list[float] = []
    share = count // CLIENTS
    bar = tqdm(total=share * CLIENTS, unit="request", file=sys.stderr)
    start = time.perf_counter() + 0.2

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {key}"}
        for turn in range(share):
            due = start + (turn * CLIENTS + number) / rate if rate else 0.0
            time.sleep(max(0.0, due - time.perf_counter()))
            # From when it was due, so that a slow answer does not hide the wait that it causes.
            began = max(due, 0.0) or time.perf_counter()
            connection.request("GET", asks[(turn * CLIENTS + number) % len(asks)], headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"answered {answer.status}")
            taken.append(time.perf_counter() - began)
            bar.update()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bar.close()
    if len(taken) < share * CLIENTS:
        raise SystemExit(f"only {len(taken)} of {share * CLIENTS} requests were answered")
    return taken


def _processor(parent: int) -> float:
    """Processor seconds of the web process and its workers so far."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == parent or int(fields[1]) == parent:
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


if __name__ == "__main__":
    main()
