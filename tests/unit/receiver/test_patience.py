"""Who keeps us waiting is let go, whoever came first; real sockets, under both of uvicorn's protocols."""

import asyncio
import contextlib
import socket
import time
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pipelines.lib.patience import Patience
from pipelines.lib.serving import HttpService
from pipelines.receiver.server import ReceiverServer

SHORT = Patience(head_seconds=0.5, rest_seconds=0.5, connections=100)
LONG = 30.0
"""seconds that no test waits for"""
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_BODY = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
LARGE = 64 << 20
"""bytes, more than the sockets of both sides hold"""


async def whole(request):
    await request.body()
    return PlainTextResponse("taken")


async def refused(_request):
    return PlainTextResponse("no", status_code=401)


async def slow(_request):
    await asyncio.sleep(0.8)
    return PlainTextResponse("at last")


async def large(_request):
    return PlainTextResponse(b"x" * LARGE, headers={"Connection": "close"})


@pytest.fixture(params=[H11Protocol, HttpToolsProtocol])
def serving(request, monkeypatch):
    """Give a way to serve for as long as a block lasts: it gives a way to open connections that send something."""
    monkeypatch.setattr("pipelines.lib.serving.AutoHTTPProtocol", request.param)
    answers = {"": whole, "refused": refused, "slow": slow, "large": large}
    routes = [Route(f"/{name}", answer, methods=["GET", "POST"]) for name, answer in answers.items()]

    @contextmanager
    def serving(patience):
        service = HttpService(lambda: Starlette(routes=routes), name="test", patience=patience)
        with service, contextlib.ExitStack() as opened:

            def sending(content, source="127.0.0.1"):
                peer = socket.create_connection(("127.0.0.1", service.port), 5, (source, 0))
                opened.enter_context(peer).sendall(content)
                return peer

            yield sending

    return serving


def said(peer):
    """What a connection gives until it is closed, however that was done."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := peer.recv(1 << 20):
            found += piece
    return found


def answered(peer, body=b"taken"):
    """Take one answer; False where the connection ends before."""
    found = b""
    while not found.endswith(body) and (piece := peer.recv(1000)):
        found += piece
    return found.startswith(b"HTTP/1.1 200") and found.endswith(body)


def is_open(peer):
    peer.settimeout(0.1)
    try:
        return peer.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    ("begun", "answer"),
    [(b"", b""), (HALF_A_HEAD, b""), (HALF_A_BODY % b"", b""), (HALF_A_BODY % b"refused", b"HTTP/1.1 401")],
)
def test_a_request_that_never_ends_is_not_waited_for_however_much_of_it_trickles_in(serving, begun, answer):
    with serving(SHORT) as sending:
        peer, started = sending(begun), time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - started < 2 * SHORT.head_seconds:
                time.sleep(0.05)
                peer.sendall(b"x" if begun else b"")
        peer.settimeout(0.5)
        assert said(peer)[:12] == answer


def test_the_time_that_we_need_is_not_the_peers(serving):
    with serving(SHORT) as sending:
        peer = sending(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert said(peer).endswith(b"at last")


def test_every_request_of_a_connection_has_its_own_time(serving):
    with serving(SHORT) as sending:
        peer, started = sending(WHOLE), time.monotonic()
        while time.monotonic() - started < 2 * SHORT.head_seconds:
            assert answered(peer)
            time.sleep(SHORT.head_seconds / 2)
            peer.sendall(WHOLE)
        assert answered(peer)


def test_requests_that_came_at_once_are_all_answered(serving):
    with serving(SHORT) as sending:
        peer = sending(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + WHOLE)
        assert said(peer).count(b"HTTP/1.1 200") == 2


def test_an_answer_that_is_not_taken_is_not_held_for_ever(serving):
    with serving(SHORT) as sending:
        peer = sending(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(2 * SHORT.rest_seconds)
        assert 0 < len(said(peer)) < LARGE


def test_where_there_is_no_room_the_one_that_was_waited_for_longest_gives_way(serving):
    with serving(Patience(LONG, LONG, connections=3)) as sending:
        first, *others = [sending(HALF_A_HEAD) for _ in range(3)]
        assert all(map(is_open, (first, *others)))
        assert answered(sending(WHOLE))
        assert said(first) == b""
        assert all(map(is_open, others))


def test_a_crowd_from_one_address_pushes_out_its_own_alone(serving):
    with serving(Patience(LONG, LONG, connections=3)) as sending:
        alone = sending(HALF_A_HEAD)
        crowd = [sending(HALF_A_HEAD, source="127.0.0.2") for _ in range(6)]
        assert is_open(alone)
        assert [said(each) for each in crowd[:4]] == [b""] * 4
        assert all(map(is_open, crowd[4:]))
        alone.sendall(b"1\r\n\r\n")
        alone.settimeout(5)
        assert answered(alone)


def test_whom_we_owe_an_answer_gives_way_to_nobody(serving):
    with serving(Patience(LONG, LONG, connections=1)) as sending:
        peer = sending(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert is_open(peer)
        assert said(sending(WHOLE)) == b""
        peer.settimeout(5)
        assert answered(peer, b"at last")
        assert answered(sending(WHOLE))


def test_the_receiver_waits_for_no_head_for_ever(settings, lake, monkeypatch):
    monkeypatch.setattr("pipelines.lib.serving.Patience", lambda: SHORT)
    with ReceiverServer(settings) as server, socket.create_connection(("127.0.0.1", server.port), 5) as peer:
        peer.sendall(HALF_A_HEAD)
        assert said(peer) == b""
