"""The one way out: where it may lead, and what is known when something goes wrong on the way."""

import socket
import time
from ipaddress import ip_address

import pytest

from campaigns.channels.egress import MOST, Line, check_address, is_public, judge
from campaigns.channels.egress import Answer as Got
from campaigns.exceptions import AmbiguousOutcome, ChannelUnavailable, PermanentFailure, TransientFailure
from tests.campaigns.channels.provider import HANG_UP, SAY_NOTHING, TRICKLE, provider


def line(url, timeout=1.0):
    return Line(url, timeout=timeout, is_local_allowed=True)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1",
     "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
     "2001:0:4136:e378:8000:63bf:3fff:fdd2", "255.255.255.255"],
)  # fmt: skip
def test_no_address_of_a_private_network_is_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_addresses_of_the_internet_are(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://shop.example/hook", "Use https"),
        ("ftp://shop.example/", "whole address"),
        ("shop.example/hook", "whole address"),
        ("https://user:secret@shop.example/", "name and password"),
        ("https://shop.example/#part", "# sign"),
        ("https://shop.example:99999/", "port"),
        ("https://shop.example:25/", "port 443"),
        ("https://10.0.0.8/", "private network"),
        ("https://[::ffff:127.0.0.1]/", "private network"),
    ],
)
def test_an_address_that_may_not_be_posted_to_says_why(url, reason):
    with pytest.raises(ValueError, match=reason):
        check_address(url)


def test_a_name_that_leads_inside_is_refused_before_anything_is_connected():
    with provider() as server:
        inside = server.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(ChannelUnavailable) as failure:
            Line(inside, timeout=1).connect()
    assert failure.value.reason == "private_address"
    assert server.connections == 0


def test_posts_share_one_connection():
    with provider((200, {"id": "a"}), (201, {"id": "b"})) as server:
        out = line(server.url)
        first = out.post("/one?x=1", b"{}", {"X-Id": "1"})
        second = out.post("/two", b"abc", {})
        out.close()
    assert (first.status, first.body, second.status) == (200, b'{"id": "a"}', 201)
    assert [(p.target, p.body) for p in server.got] == [("/one?x=1", b"{}"), ("/two", b"abc")]
    assert server.got[0].headers["x-id"] == "1"
    assert server.connections == 1


def test_an_idle_server_that_hung_up_is_called_again():
    with provider() as server:
        out = line(server.url)
        out.post("/", b"1", {})
        out._sock.shutdown(socket.SHUT_RDWR)  # as the other side would: the next look finds the end
        out.post("/", b"2", {})
        out.close()
    assert [p.body for p in server.got] == [b"1", b"2"]
    assert server.connections == 2


@pytest.mark.parametrize("behaviour", [HANG_UP, SAY_NOTHING, TRICKLE])
def test_without_a_whole_answer_nobody_can_tell(behaviour):
    with provider(behaviour) as server:
        out = line(server.url, timeout=0.4)
        began = time.monotonic()
        with pytest.raises(AmbiguousOutcome):
            out.post("/", b"{}", {})
        took = time.monotonic() - began
    assert len(server.got) == 1
    assert took < 1.0  # one deadline for all of it


def test_no_server_is_a_channel_that_is_away():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChannelUnavailable) as failure:
        line(f"http://127.0.0.1:{port}").connect()
    assert failure.value.reason == "no_connection"


def test_a_server_that_speaks_no_tls_gets_nothing():
    with provider() as server, pytest.raises(ChannelUnavailable):
        line(server.url.replace("http:", "https:")).post("/", b"secret", {})
    assert not any(b"secret" in posted.body for posted in server.got)


def test_past_its_fence_no_byte_leaves():
    with provider() as server:
        out = line(server.url)
        out.connect()
        with pytest.raises(TransientFailure) as failure:
            out.post("/", b"{}", {}, not_after=time.monotonic() - 0.001)
        assert out.post("/", b"later", {}, not_after=time.monotonic() + 5).status == 200
    assert failure.value.reason == "slow"
    assert [p.body for p in server.got] == [b"later"]


def test_an_endless_answer_is_cut_and_the_connection_given_up():
    with provider((200, b"x" * (MOST + 50_000)), (200, b"short")) as server:
        out = line(server.url)
        assert len(out.post("/", b"", {}).body) == MOST
        assert out.post("/", b"", {}).body == b"short"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("status", "is_repeatable", "kind"),
    [
        (429, False, TransientFailure), (503, False, TransientFailure), (401, False, ChannelUnavailable),
        (301, True, ChannelUnavailable), (500, True, TransientFailure), (500, False, AmbiguousOutcome),
        (502, False, AmbiguousOutcome), (504, False, AmbiguousOutcome), (400, False, PermanentFailure),
        (501, False, PermanentFailure),
    ],
)  # fmt: skip
def test_what_a_status_says(status, is_repeatable, kind):
    with pytest.raises(kind) as failure:
        judge(Got(status, {}, b""), is_repeatable=is_repeatable)
    assert type(failure.value) is kind
    judge(Got(204, {}, b""), is_repeatable=is_repeatable)
