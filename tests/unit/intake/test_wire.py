"""HTTP on the wire against peers and proxies that say their bytes one by one."""

import base64
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from functools import partial
from http.client import CannotSendRequest

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ProtocolError

from pipelines.lib.ocpi_client.hosts import StraightHost
from pipelines.lib.ocpi_client.wire import Wire, WireError
from tests.unit.intake.scripted_peer import OK, Script, whole

HEADERS = {"Authorization": "Token abc", "X-Request-ID": "1"}
BODY = b'{"data":[]}' * 30_000
"""several pieces of it"""


def chunked(body, *headers):
    parts = [body[:7], body[7:]]
    sent = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
    return (
        OK + b"".join(each + b"\r\n" for each in headers) + b"Transfer-Encoding: chunked\r\n\r\n" + sent + b"0\r\n\r\n"
    )


@contextmanager
def wired(seconds=2.0):
    wire = Wire(seconds)
    try:
        yield wire
    finally:
        wire.close()


def taken(wire, url, headers=None, **named):
    with wire.ask("GET", url, headers or {}, **named) as reply:
        return reply.status, b"".join(reply.pieces())


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "answer",
    [
        whole(BODY),
        chunked(BODY),
        b"!" + OK + b"\r\n" + BODY,
        whole(gzip.compress(BODY), b"Content-Encoding: gzip"),
        chunked(gzip.compress(BODY), b"Content-Encoding: GZip"),
        whole(zlib.compress(BODY), b"Content-Encoding: deflate"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(BODY),
    ],
    ids=["length", "chunked", "until-closed", "gzip", "gzip-chunked", "deflate", "continue"],
)
def test_a_body_comes_as_it_was_meant_however_it_is_sent(answer):
    script = Script(answer, whole(b"next"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/a") == (200, BODY)
        assert taken(wire, f"http://{script.host}/b") == (200, b"next")


@pytest.mark.parametrize(
    "answer",
    [
        b"!" + whole(BODY)[:-1],
        b"!" + chunked(BODY)[:-9],
        whole(b"no gzip", b"Content-Encoding: gzip"),
        b"!nonsense\r\n\r\n",
        None,
    ],
    ids=["length", "chunked", "no-gzip", "no-http", "nothing"],
)
def test_an_answer_that_breaks_off_is_said_to_and_costs_only_itself(answer):
    script = Script(answer, whole(b"next"))
    with wired() as wire:
        with pytest.raises(WireError, match="the answer broke off") as failure:
            taken(wire, f"http://{script.host}/a")
        assert failure.value.retry
        assert taken(wire, f"http://{script.host}/b") == (200, b"next")


def test_one_connection_serves_one_request_after_the_other():
    script = Script(whole(BODY), whole(b""), whole(gzip.compress(b"3"), b"Content-Encoding: gzip"))
    with wired() as wire:
        assert [taken(wire, f"http://{script.host}/")[1] for _ in range(3)] == [BODY, b"", b"3"]
    assert script.connections == 1


def test_a_connection_that_the_peer_closed_meanwhile_is_opened_again():
    script = Script(b"!" + whole(b"1"), whole(b"2"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/")[1] == b"1"
        time.sleep(0.05)  # the end of the connection is on its way
        assert taken(wire, f"http://{script.host}/")[1] == b"2"
    assert script.connections == 2


def test_what_was_not_taken_of_an_answer_is_no_part_of_the_next():
    script = Script(whole(BODY), whole(b"next"))
    with wired() as wire:
        with wire.ask("GET", f"http://{script.host}/", {}) as reply:
            assert next(reply.pieces())
        assert taken(wire, f"http://{script.host}/")[1] == b"next"


PACKED = gzip.compress(BODY)
LATE = whole(b"late")
BROKEN_OFF = {
    "gzip with its length": (OK + b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n" + PACKED, LATE),
    "gzip chunked": (chunked(PACKED, b"Content-Encoding: gzip")[:-5], LATE),
    "no gzip": (OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nno gzip!\r\n", LATE),
    "no chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", LATE),
    "less than no chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", LATE),
    "its length": (OK + b"Content-Length: 9999\r\n\r\n" + BODY[:5000], LATE),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello", LATE),
    "two lengths in one": (OK + b"Content-Length: 2, 5\r\n\r\nhello", LATE),
}


@pytest.mark.parametrize("broken", BROKEN_OFF)
def test_what_comes_late_of_a_broken_answer_is_no_answer_to_the_next_request(broken):
    """The peer pauses beyond our patience and then goes on, as if we still listened."""
    begin, late = BROKEN_OFF[broken]
    listening = socket.create_server(("127.0.0.1", 0))
    given_up = threading.Event()

    def stumbling():
        first, _ = listening.accept()
        with suppress(ConnectionError), first:
            first.sendall(begin)
            given_up.wait(2)
            first.sendall(late)
            second, _ = listening.accept()
            with second:
                second.sendall(whole(b"next"))

    threading.Thread(target=stumbling, daemon=True).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with listening, wired(0.1) as wire:
        with pytest.raises(WireError, match=r"no answer in time|broke off"):
            taken(wire, f"{url}/a")
        given_up.set()
        assert not wire.ask_early("GET", f"{url}/b", HEADERS)
        assert taken(wire, f"{url}/b", HEADERS)[1] == b"next"


def test_an_answer_that_only_announces_one_is_not_followed_by_it():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    script = Script(hints + whole(b"announced"), whole(b"next"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/a")[0] == 103
        assert taken(wire, f"http://{script.host}/b") == (200, b"next")


@pytest.mark.parametrize("said", [b"chunked ", b"identity, chunked", b"CHUNKED"])
def test_chunks_are_known_however_they_are_announced(said):
    script = Script(chunked(BODY).replace(b"chunked\r\n", said + b"\r\n", 1), whole(b"next"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/a") == (200, BODY)
        assert taken(wire, f"http://{script.host}/b") == (200, b"next")


def test_a_header_that_is_refused_leaves_nothing_behind_for_the_next_request():
    script = Script(whole(b"1"), whole(b"2"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/1")[1] == b"1"
        with pytest.raises(WireError):
            taken(wire, f"http://{script.host}/bad", {"Authorization": "Token a\n"})
        assert not wire.ask_early("GET", f"http://{script.host}/bad", {"Authorization": "Token a\n"})
        assert taken(wire, f"http://{script.host}/2", {"Authorization": "Token b"})[1] == b"2"
    assert [request[0] for request in script.asked] == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://[::1]/", ("::1", 80)),
        ("https://[2001:db8::80]/x", ("2001:db8::80", 443)),
        ("http://[fe80::abcd]:8080/", ("fe80::abcd", 8080)),
        ("https://peer.example/x", ("peer.example", 443)),
    ],
)
def test_a_host_is_reached_where_its_url_says(url, place):
    connection = StraightHost.of(url, 1.0).connection
    assert (connection.host, connection.port) == place


def test_a_silent_peer_is_not_waited_for():
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, wired(0.05) as wire, pytest.raises(WireError, match="no answer in time"):
        taken(wire, f"http://127.0.0.1:{silent.getsockname()[1]}/")


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK, b"X"),
        (OK + b"Content-Length: 100000\r\n\r\n", b"X"),
        (CHUNKED, b"X-Trailer: more\r\n"),
    ],
    ids=["continue", "header", "body", "trailers"],
)
def test_a_peer_that_drips_holds_nobody_beyond_the_latest_instant(begin, drop):
    listening = socket.create_server(("127.0.0.1", 0))

    def dripping():
        connection, _ = listening.accept()
        with suppress(ConnectionError), connection:
            connection.sendall(begin)
            while True:
                connection.sendall(drop)
                time.sleep(0.005)

    threading.Thread(target=dripping, daemon=True).start()
    url, latest = f"http://127.0.0.1:{listening.getsockname()[1]}/", time.monotonic() + 0.1
    with listening, wired() as wire, pytest.raises(WireError, match="no answer in time"):
        taken(wire, url, latest=latest)


def test_a_peer_that_is_not_there():
    with wired() as wire, pytest.raises(WireError, match="no connection"):
        taken(wire, "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    "url", ["ftp://peer.example/", "//peer.example/", "http://", "http://[::1", "http://a:b/", "x"]
)
def test_what_is_no_url_of_http_is_not_asked_again(url):
    with wired() as wire, pytest.raises(WireError, match="no URL of HTTP") as failure:
        taken(wire, url)
    assert not failure.value.retry


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("", "/"),
        ("?limit=1", "/?limit=1"),
        ("/cdrs?date_to=2026-11-05T06%3A00%3A00Z&x=1,2", "/cdrs?date_to=2026-11-05T06%3A00%3A00Z&x=1,2"),
        ("/a b?c=ü|d", "/a%20b?c=%C3%BC%7Cd"),
        ("/a#part", "/a"),
        ("//a", "//a"),
    ],
)
def test_a_url_is_sent_as_http_can_carry_it(path, sent):
    script = Script(whole(b""))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}{path}")[0] == 200
    assert script.asked[0][0] == f"GET {sent} HTTP/1.1"


def test_only_our_own_headers_are_sent_whatever_the_peer_sets():
    script = Script(whole(b"", b"Set-Cookie: a=b"), whole(b""))
    with wired() as wire:
        for _ in range(2):
            taken(wire, f"http://{script.host}/", {"Authorization": "Token abc"})
    assert sorted(script.asked[1][1:]) == [
        "Accept-Encoding: gzip",
        "Accept: application/json",
        "Authorization: Token abc",
        f"Host: {script.host}",
        "User-Agent: roamledger",
    ]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine speaks no IPv6")
def test_a_host_of_ipv6_is_named_as_it_is_reached():
    script = Script(whole(b"six"), address="::1")
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/") == (200, b"six")
    assert f"Host: {script.host}" in script.asked[0]


def test_a_redirect_is_an_answer():
    script = Script(b"HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n")
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/") == (302, b"")


def test_of_a_header_sent_twice_the_last_counts_and_of_links_each():
    script = Script(whole(b"", b"X-Limit: 1", b"Link: <a>; rel=prev", b"X-LIMIT: 2", b"link: <b>; rel=next"))
    with wired() as wire, wire.ask("GET", f"http://{script.host}/", {}) as reply:
        assert reply.headers["x-limit"] == "2"
        assert reply.headers["link"] == "<a>; rel=prev, <b>; rel=next"


@pytest.mark.parametrize("user", ["", "user:p%40ss@"])
def test_a_proxy_of_the_environment_is_told_the_whole_url(monkeypatch, user):
    proxy = Script(whole(b"through"))
    monkeypatch.setenv("HTTP_PROXY", f"http://{user}{proxy.host}")
    with wired() as wire:
        assert taken(wire, "http://peer.example:81/cdrs?limit=1")[1] == b"through"
    line, *headers = proxy.asked[0]
    assert line == "GET http://peer.example:81/cdrs?limit=1 HTTP/1.1"
    assert "Host: peer.example:81" in headers
    shown = f"proxy-authorization: Basic {base64.b64encode(b'user:p@ss').decode()}"
    assert (shown in headers) is bool(user)


def test_tls_goes_through_a_proxy_and_the_proxy_sees_nothing_of_it(monkeypatch):
    proxy = Script(b"!HTTP/1.1 503 no\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", proxy.host)
    with wired() as wire, pytest.raises(WireError, match="no connection"):
        taken(wire, "https://peer.example/cdrs", {"Authorization": "Token abc"})
    assert proxy.asked[0][0].startswith("CONNECT peer.example:443 HTTP/1.")
    assert "Token abc" not in "".join(proxy.asked[0])


def test_hosts_that_the_environment_exempts_are_gone_to_directly(monkeypatch):
    script = Script(whole(b"direct"))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/")[1] == b"direct"


def test_what_is_sent_early_is_heard_before_anybody_waits_for_it_and_sent_once():
    script = Script(whole(b"1"), whole(BODY), whole(b"3"))
    with wired() as wire:
        assert taken(wire, f"http://{script.host}/1")[1] == b"1"
        assert wire.ask_early("GET", f"http://{script.host}/2?a=ü", HEADERS)
        assert script.asked_soon(2)
        assert taken(wire, f"http://{script.host}/2?a=ü", HEADERS) == (200, BODY)
        assert taken(wire, f"http://{script.host}/3") == (200, b"3")
    assert [request[0].split()[1] for request in script.asked] == ["/1", "/2?a=%C3%BC", "/3"]
    assert "X-Request-ID: 1" in script.asked[1]
    assert script.connections == 1


@pytest.mark.parametrize(
    ("path", "headers"), [("/other", HEADERS), ("/2", HEADERS | {"X-Request-ID": "2"})], ids=["target", "headers"]
)
def test_an_early_answer_is_never_taken_for_that_to_another_request(path, headers):
    script = Script(whole(b"1"), whole(b"early"), whole(b"asked for"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        assert script.asked_soon(2)
        assert taken(wire, f"http://{script.host}{path}", headers)[1] == b"asked for"
    assert script.connections == 2


@pytest.mark.parametrize("end", [None, b"!HTTP/1.1 2"], ids=["nothing", "half a line"])
def test_a_peer_that_hangs_up_on_an_early_request_is_asked_again(end):
    script = Script(whole(b"1"), end, whole(b"2"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        assert taken(wire, f"http://{script.host}/2", HEADERS)[1] == b"2"
    assert script.connections == 2


def test_a_body_that_breaks_off_is_no_reason_to_ask_again_unasked():
    script = Script(whole(b"1"), b"!" + whole(BODY)[:-1], whole(b"2"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        with pytest.raises(WireError, match="the answer broke off"):
            taken(wire, f"http://{script.host}/2", HEADERS)
    assert len(script.asked) == 2


def test_nothing_is_sent_early_without_an_open_connection_nor_twice():
    script = Script(b"!" + whole(b"1"), whole(b"2"), whole(b"3"))
    with wired() as wire:
        assert not wire.ask_early("GET", f"http://{script.host}/1", HEADERS)
        taken(wire, f"http://{script.host}/1")
        time.sleep(0.05)  # the end of the connection is on its way
        assert not wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        taken(wire, f"http://{script.host}/2")
        assert wire.ask_early("GET", f"http://{script.host}/3", HEADERS)
        assert not wire.ask_early("GET", f"http://{script.host}/4", HEADERS)
    assert [request[0].split()[1] for request in script.asked[:2]] == ["/1", "/2"]


def test_a_closed_wire_holds_no_connection_open_and_can_be_asked_again():
    script = Script(whole(b"1"), whole(b"2"), whole(b"3"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        wire.close()
        assert script.is_left_soon()
        assert not wire.ask_early("GET", f"http://{script.host}/4", HEADERS)
        assert taken(wire, f"http://{script.host}/5")[0] == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_early_answer_is_never_taken_for_that_to_a_request_with_a_body(method):
    script = Script(whole(b"1"), whole(b"early"), whole(b"asked for"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early(method, f"http://{script.host}/2", HEADERS)
        assert script.asked_soon(2)
        with wire.ask(method, f"http://{script.host}/2", HEADERS, b"{}") as reply:
            assert b"".join(reply.pieces()) == b"asked for"
    assert script.asked[2][0] == f"{method} /2 HTTP/1.1"
    assert script.connections == 2


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError(), CannotSendRequest(), ProtocolError(), ValueError()],
    ids=lambda each: type(each).__name__,
)
def test_an_early_request_that_cannot_be_sent_costs_no_more_than_its_connection(monkeypatch, error):
    def broken(self, method, target, **_):
        self.putrequest(method, target)  # half of it is said already
        raise error

    script = Script(whole(b"1"), whole(b"2"))
    with wired() as wire:
        taken(wire, f"http://{script.host}/1")
        with monkeypatch.context() as patch:
            patch.setattr(HTTPConnection, "request", broken)
            assert not wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        assert taken(wire, f"http://{script.host}/2", HEADERS)[1] == b"2"
    assert [request[0].split()[1] for request in script.asked] == ["/1", "/2"]
    assert script.connections == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The file of a certificate for this machine that nobody but itself vouches for, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("a certificate is made with the openssl command, which is not here")
    file = tmp_path_factory.mktemp("tls") / "peer.pem"
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    added = "-addext subjectAltName=IP:127.0.0.1 -addext keyUsage=digitalSignature,keyCertSign"
    made = subprocess.run(
        ["openssl", *asked.split(), *added.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True
    )
    file.write_bytes(made.stdout)
    return file


@pytest.fixture
def secure_script(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return partial(Script, tls=context)


def test_early_requests_go_over_tls_as_well(secure_script, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    script = secure_script(whole(b"1"), whole(BODY), whole(b"3"))
    with wired() as wire:
        assert taken(wire, f"https://{script.host}/1")[1] == b"1"
        assert wire.ask_early("GET", f"https://{script.host}/2", HEADERS)
        assert script.asked_soon(2)
        assert taken(wire, f"https://{script.host}/2", HEADERS) == (200, BODY)
        assert taken(wire, f"https://{script.host}/3") == (200, b"3")
    assert [request[0].split()[1] for request in script.asked] == ["/1", "/2", "/3"]
    assert script.connections == 1


def test_a_peer_whose_certificate_nobody_vouches_for_is_told_nothing(secure_script, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    script = secure_script(whole(b"1"))
    with wired() as wire, pytest.raises(WireError, match="no connection"):
        taken(wire, f"https://{script.host}/1", HEADERS)
    assert script.is_left_soon()
    assert script.asked == []


def test_nothing_is_sent_early_through_a_proxy(monkeypatch):
    proxy = Script(whole(b"1"), whole(b"2"))
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    with wired() as wire:
        taken(wire, "http://peer.example/1")
        assert not wire.ask_early("GET", "http://peer.example/2", HEADERS)
        assert taken(wire, "http://peer.example/2", HEADERS)[1] == b"2"


def test_a_peer_that_never_answers_an_early_request_is_not_waited_for():
    script = Script(whole(b"1"), b"", whole(b"never"))
    with wired(0.1) as wire:
        taken(wire, f"http://{script.host}/1")
        assert wire.ask_early("GET", f"http://{script.host}/2", HEADERS)
        with pytest.raises(WireError, match="no answer in time"):
            taken(wire, f"http://{script.host}/2", HEADERS)
    assert len(script.asked) == 2


def test_a_proxy_that_is_not_spoken_to_in_plain_http_is_named_as_the_reason(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with wired() as wire, pytest.raises(WireError, match="the environment names a proxy") as failure:
        taken(wire, "http://peer.example/")
    assert not failure.value.retry
