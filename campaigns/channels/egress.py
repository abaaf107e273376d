"""The one way out over HTTP: a POST to an address that somebody typed, and what is known of it afterwards.

The name is resolved here, every address it leads to must be a public one, and the connection goes to exactly that address,
so no second answer of the name server leads elsewhere (DNS rebinding). No redirect is followed. Written on h11's single
steps, because the clients at hand do not tell a request that never left whole from one that did: until the last byte of
it is handed over nobody can have acted on it, after that only an answer counts.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import h11

from campaigns.channels.base import time_left
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure

MOST = 65_536  # bytes of an answer that are read: ids and faults fit, and nobody fills our memory
NAT64 = ip_network("64:ff9b::/96")
LONGEST_WAIT = 24 * 3600.0  # seconds that a provider may ask for: by then a person should have looked


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have lower-case names. `body` is cut at MOST bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_address(url: str, *, is_local_allowed: bool = False) -> SplitResult:
    """The parts of an address that may be posted to. Raises ValueError with the reason, for people.

    `is_local_allowed`: this machine's own sinks, in the clear; nothing else is ever reached without TLS.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("The port is not a number up to 65535.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("Write a whole address that begins with https://.")
    if parts.username or parts.password:
        raise ValueError("Leave name and password out of the address: it is shown on pages and in logs.")
    if parts.fragment:
        raise ValueError("Leave out what follows the # sign: it is never sent.")
    if is_local_allowed and is_loopback(parts.hostname):
        return parts
    if parts.scheme != "https":
        raise ValueError("Use https: in the clear anybody on the way could read and change it.")
    if port not in (None, 443) and port < 1024:
        raise ValueError("Use port 443, or one from 1024 on.")
    literal = _literal(parts.hostname)
    if literal is not None and not is_public(literal):
        raise ValueError("This is an address of a private network; use one that the internet knows.")
    return parts


def is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the internet knows it. An IPv4 address that hides in an IPv6 one is looked at itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped or address.sixtofour:
            return is_public(address.ipv4_mapped or address.sixtofour)
        if address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.teredo:
            return False
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Made once a process: reading the system's certificates takes longer than a post."""
    return ssl.create_default_context()


class Line:
    """One connection to one origin, used by one thread and kept open between posts."""

    def __init__(self, url: str, *, timeout: float, is_local_allowed: bool = False):
        try:
            self._parts = check_address(url, is_local_allowed=is_local_allowed)
        except ValueError as refusal:
            raise ChannelUnavailable("bad_endpoint", str(refusal)) from None
        self.host = self._parts.hostname
        self.timeout = timeout  # seconds for the connection, and again for the request with its answer
        self._is_local = is_local_allowed and is_loopback(self.host)
        self._port = self._parts.port or (443 if self._parts.scheme == "https" else 80)
        self._sock: socket.socket | None = None
        self._state: h11.Connection | None = None

    def connect(self, not_after: float | None = None) -> None:
        """Connects unless it is. Raises ChannelUnavailable; TransientFailure when there is no time left for it."""
        if self._sock is not None and not _hung_up(self._sock):
            return
        self.close()
        deadline = time.monotonic() + min(self.timeout, time_left(not_after))
        try:
            self._sock = self._to_any(self._addresses(), deadline)
            if self._parts.scheme == "https":
                self._sock.settimeout(_left(deadline))
                self._sock = _tls().wrap_socket(self._sock, server_hostname=self.host)
        except OSError as error:
            self.close()
            raise ChannelUnavailable("no_connection", f"{type(error).__name__}: {error}"[:200]) from None
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)

    def post(self, path: str, body: bytes, headers: Mapping[str, str], not_after: float | None = None) -> Answer:
        """Posts to a path (with its query) of the origin.

        Raises TransientFailure when the request cannot have left whole, AmbiguousOutcome when it did and no whole answer came.
        """
        self.connect(not_after)
        default = 443 if self._parts.scheme == "https" else 80
        host = f"[{self.host}]" if ":" in self.host else self.host
        host = host if self._port == default else f"{host}:{self._port}"
        lines = {"Host": host, "User-Agent": "Attune", "Content-Length": str(len(body)), **headers}
        time_left(not_after)  # connecting took its time: the last look at the clock before the first byte
        request = h11.Request(method="POST", target=path, headers=list(lines.items()))
        raw = b"".join(self._state.send(event) for event in (request, h11.Data(data=body), h11.EndOfMessage()))
        deadline = time.monotonic() + self.timeout
        self._hand_over(raw, deadline)
        try:
            answer = self._answer(deadline)
        except (OSError, h11.ProtocolError) as error:
            self.close()
            raise AmbiguousOutcome("no_answer", f"{type(error).__name__}: {error}"[:200]) from None
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        else:
            self.close()
        return answer

    def close(self) -> None:
        if self._sock is not None:
            with suppress(OSError):
                self._sock.close()
        self._sock = self._state = None

    def _addresses(self) -> list[tuple]:
        """Where the name leads. One private address among them refuses all: it is there to be tried."""
        found = socket.getaddrinfo(self.host, self._port, type=socket.SOCK_STREAM)
        if not self._is_local and not all(is_public(ip_address(where[0].partition("%")[0])) for *_, where in found):
            raise ChannelUnavailable("private_address", "The name leads into a private network.")
        return found

    def _to_any(self, found: list[tuple], deadline: float) -> socket.socket:
        fault: OSError = TimeoutError("no address answered in time")
        for family, kind, protocol, _, where in found:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(_left(deadline))
                sock.connect(where)
                return sock
            except OSError as error:
                sock.close()
                fault = error
        raise fault

    def _hand_over(self, raw: bytes, deadline: float) -> None:
        handed = 0
        try:
            while handed < len(raw):
                self._sock.settimeout(_left(deadline))
                handed += self._sock.send(raw[handed:])
        except OSError as error:
            self.close()
            raise TransientFailure("dropped", f"{type(error).__name__}: {error}"[:200]) from None

    def _answer(self, deadline: float) -> Answer:
        """One deadline for all of it, so that an answer of single bytes does not hold a worker."""
        status, headers, body = 0, {}, b""
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                if time.monotonic() >= deadline:
                    raise TimeoutError("the answer took too long")
                self._sock.settimeout(_left(deadline))
                self._state.receive_data(self._sock.recv(16_384))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MOST:
                    return Answer(status, headers, body[:MOST])  # the rest is not read: the connection is given up
            elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                return Answer(status, headers, body)


def wait_of(headers: Mapping[str, str]) -> float:
    """Seconds that `retry-after` asks for, as a number or as a date (RFC 9110, 10.2.3); 0 where it says nothing that can be
    read.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return min(float(said), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)


def try_later(words: str, retry_after: float) -> TransientFailure:
    """Not now. Who says for how long speaks for all that would be posted there meanwhile, not for this message alone."""
    if not retry_after:
        return TransientFailure("try_later", words)
    return ChannelUnavailable("try_later", f"{words} It asked for {retry_after:.0f} seconds of peace.", retry_after)


def judge(answer: Answer, *, is_repeatable: bool) -> None:
    """What a status says by itself; 2xx returns. `is_repeatable`: the receiver knows a repeated message by its id.

    5xx but 501 and 503 says that somebody behind the server may have acted: without such an id nobody can tell.
    """
    words = f"The server answered {answer.status}."
    if 200 <= answer.status < 300:
        return
    if answer.status in (408, 425, 429, 503):
        raise try_later(words, wait_of(answer.headers))
    if answer.status in (401, 403, 407):
        raise ChannelUnavailable("no_login", words)
    if answer.status >= 500 and answer.status != 501:
        if is_repeatable:
            raise try_later(words, wait_of(answer.headers))
        raise AmbiguousOutcome("no_answer", words)
    if 300 <= answer.status < 400:
        raise ChannelUnavailable("redirect", f"{words} No redirect is followed: enter the address that it leads to.")
    raise PermanentFailure("message_refused", words)


def _hung_up(sock: socket.socket) -> bool:
    """Whether an idle connection has ended. No answer is due, so anything that can be read of it says so, but for the
    session tickets of TLS, which its layer keeps to itself.
    """
    try:
        sock.settimeout(0)
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)  # never zero, which means "do not wait" to a socket
