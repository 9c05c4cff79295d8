"""The client gets every page that a peer can be made to give, and says in one line why it could not."""

import json
import time
import traceback
from datetime import UTC, datetime

import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pipelines.lib.ocpi_client import FailureKind, Peer, PeerFailure, Transport
from pipelines.lib.ocpi_client import peer as peers
from pipelines.lib.ocpi_client.redaction import without_secrets
from tests.unit.intake.little_peer import TOKEN, envelope
from tests.unit.intake.scripted_peer import Script, whole

UNTIL = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.fixture
def crawl(peer, settings):
    def crawl(since=None, **changes):
        transport = Transport.open(peer.connection(**changes), first_pause=0.01)
        try:
            api = Peer(transport).discover()
            return list(Peer(transport).pages(api, "cdrs", since, UNTIL))
        finally:
            transport.close()

    return crawl


def test_a_token_that_no_header_can_carry_is_a_failure_of_its_peer_and_is_not_said(peer):
    token = "t\u00f6k\u00e9n-of-ldw"
    transport = Transport.open(peer.connection(token_encoding="raw"), first_pause=0.01, tokens=[token])
    with pytest.raises(PeerFailure, match="characters that no header can carry: check ROAMLEDGER_TOKEN_LDW") as failure:
        Peer(transport).discover()
    transport.close()
    assert (failure.value.retry, failure.value.__cause__, failure.value.__suppress_context__) == (False, None, True)
    assert token not in "".join(traceback.format_exception(failure.value))
    assert peer.asked == []


def ids(pages):
    return [json.loads(record)["id"] for page in pages for record in page.records]


ALL = [f"C{number:06d}" for number in range(1, 6)]


def test_speaks_the_best_common_version(peer, settings):
    api = Peer(Transport.open(peer.connection())).discover()
    assert api.version == "2.2.1"
    assert api.urls["cdrs"] == f"{peer.url}/2.2.1/cdrs"


@pytest.mark.parametrize("requests_per_second", [None, 1000.0])
def test_the_next_page_is_asked_for_early_unless_the_peer_bounds_our_rate(peer, settings, requests_per_second):
    transport = Transport.open(peer.connection(requests_per_second=requests_per_second))
    pages = Peer(transport).pages(Peer(transport).discover(), "cdrs", None, UNTIL)
    ahead = 0 if requests_per_second else 1
    for number, page in enumerate(pages, start=1):
        asked = min(number + ahead, 3)
        until = time.monotonic() + (2 if ahead else 0.05)
        while len(peer.asked) < asked + (not ahead) and time.monotonic() < until:
            time.sleep(0.002)
        assert len(peer.asked) == asked
        assert page.answer.request_id == peer.request_ids[number - 1]
    transport.close()
    assert len(set(peer.asked)) == len(set(peer.request_ids)) == 3


def test_nothing_is_asked_early_of_a_peer_that_may_still_refuse_our_token(settings, peer):
    script = Script(whole(b"open to all"), whole(b"not asked for"))
    transport = Transport.open(peer.connection())
    with transport.wire.ask("GET", f"http://{script.host}/1", {}) as reply:
        assert list(reply.pieces()) == [b"open to all"]
    transport.get_early(f"http://{script.host}/2")  # the connection is open, and was never shown our token
    transport.close()
    assert script.is_left_soon()
    assert [request[0].split()[1] for request in script.asked] == ["/1"]


def heard_soon(peer, url):
    """Wait until the peer was asked for a URL."""
    until = time.monotonic() + 2
    while peer.asked[-1] != url and time.monotonic() < until:
        time.sleep(0.002)


def test_no_two_requests_have_one_id_whatever_was_asked_early_and_given_up(settings, peer):
    transport = Transport.open(peer.connection())
    a, b, other = (f"{peer.url}/2.2.1/{module}" for module in ("cdrs", "sessions", "tariffs"))
    for given_up in (a, b):
        transport.get(other, bytes)
        transport.get_early(given_up)
        heard_soon(peer, given_up)
    transport.get(a, bytes)
    transport.close()
    assert peer.asked == [other, a, other, b, a]
    assert len(set(peer.request_ids)) == 5


def test_a_page_asked_for_early_is_tried_again_like_any_other(crawl, peer):
    peer.faults += [None, PlainTextResponse("later", 503), PlainTextResponse("later", 429)]
    assert ids(crawl()) == ALL
    assert len(peer.asked) == len(set(peer.request_ids)) == 5


def test_the_bound_on_pages_is_one_on_requests_too(crawl, peer, monkeypatch):
    monkeypatch.setattr(peers, "MOST_PAGES", 2)
    with pytest.raises(PeerFailure, match="still pages after 2"):
        crawl()
    time.sleep(0.05)
    assert len(peer.asked) == 2


def test_the_answer_to_another_request_of_ours_is_not_taken_for_the_one_asked_for(crawl, peer):
    """A peer that answers one request twice would be one page off from then on."""

    def answer_of_before():
        return Response(envelope([]), headers={"X-Request-ID": peer.request_ids[-2]}, media_type="application/json")

    peer.faults += [None, answer_of_before]
    assert ids(crawl()) == ALL
    assert len(peer.asked) == 4


def test_an_id_that_a_proxy_made_up_says_nothing(crawl, peer):
    peer.faults += [Response(envelope([]), headers={"X-Request-ID": "of-some-proxy"}, media_type="application/json")]
    assert ids(crawl()) == []


def test_follows_the_links_to_the_last_page(crawl, peer):
    pages = crawl()
    assert ids(pages) == ALL
    assert [len(page.records) for page in pages] == [2, 2, 1]
    assert "date_to=2026-11-05T00%3A00%3A00Z" in peer.asked[0]
    assert "date_from" not in peer.asked[0]


def test_asks_for_a_window(crawl, peer):
    assert crawl(since=datetime(2026, 10, 13, tzinfo=UTC)) != []
    assert "date_from=2026-10-13T00%3A00%3A00Z" in peer.asked[0]


def test_counts_on_by_itself_where_the_link_leads_to_another_host(crawl, peer):
    peer.link_host = "elsewhere.example:1"
    assert ids(crawl()) == ALL


@pytest.mark.parametrize(
    "fault",
    [
        Response("", 429, {"Retry-After": "0"}),
        Response("", 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Response("", 500),
        Response("", 503),
        Response(envelope([])[:40], media_type="application/json"),
        PlainTextResponse("<html>one moment please</html>"),
        Response(envelope([], status_code=3000), media_type="application/json"),
        Response(b'{"data": null, "status_code": 1000}'),
        lambda: StreamingResponse(iter([b'{"data": [']), headers={"Content-Length": "999"}),
    ],
    ids=["429", "429-date", "500", "503", "truncated", "html", "ocpi-3000", "no-list", "broken-off"],
)
def test_asks_again_after_a_fault_that_passes(crawl, peer, fault):
    peer.faults = [None, fault, fault]
    assert ids(crawl()) == ALL
    assert len(peer.asked) == 5


@pytest.mark.parametrize(
    ("fault", "kind", "asked"),
    [
        (Response("", 500), FailureKind.HTTP_STATUS, 3),
        (Response("", 404), FailureKind.HTTP_STATUS, 1),
        (Response("", 302, {"Location": "http://elsewhere.example/"}), FailureKind.HTTP_STATUS, 1),
        (Response("", 403), FailureKind.UNAUTHORIZED, 3),
        (Response(envelope([], status_code=2001)), FailureKind.OCPI_STATUS, 1),
        (Response(envelope([], status_code=3000)), FailureKind.OCPI_STATUS, 3),
    ],
    ids=["500", "404", "redirect", "403", "ocpi-2001", "ocpi-3000"],
)
def test_a_fault_that_stays_is_a_typed_failure(crawl, peer, fault, kind, asked):
    peer.faults = [fault] * 3
    with pytest.raises(PeerFailure) as failure:
        crawl()
    assert failure.value.kind == kind
    assert len(peer.asked) == asked


def test_waiting_for_a_peer_prints_and_logs_nothing(crawl, peer, capfd, caplog):
    caplog.set_level("DEBUG")
    peer.faults = [Response("", 429, {"Retry-After": "0"}), Response("", 500)]
    assert ids(crawl()) == ALL
    said = "".join(capfd.readouterr())
    assert not [word for word in ("stamina", "retry", "PeerFailure") if word in said + caplog.text]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", FailureKind.NOT_JSON),
        (b'{"data":' * 50_000, FailureKind.NOT_JSON),
        (b'{"data": {}, "status_code": 1000}', FailureKind.BAD_ENVELOPE),
    ],
)
def test_a_page_that_stays_unreadable_is_kept_and_the_crawl_goes_on(crawl, peer, body, kind):
    link = {"Link": f'<{peer.url}/2.2.1/cdrs?offset=2&limit=2>; rel="next"', "X-Total-Count": "5"}
    peer.faults = [Response(body, headers=link)] * 3
    pages = crawl()
    assert pages[0].problem.kind == kind
    assert pages[0].answer.content == body
    assert ids(pages) == ALL[2:]


def test_a_wrong_token_is_refused_once_and_named_by_its_variable(peer, settings, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", "wrong")
    with pytest.raises(PeerFailure, match="ROAMLEDGER_TOKEN_LDW") as failure:
        Peer(Transport.open(peer.connection(), first_pause=0.01)).discover()
    assert failure.value.kind == FailureKind.UNAUTHORIZED


def test_a_dead_peer_is_unreachable(peer, settings):
    dead = peer.connection(versions_url="http://127.0.0.1:9/versions")
    with pytest.raises(PeerFailure, match="no connection") as failure:
        Peer(Transport.open(dead, first_pause=0.01)).discover()
    assert failure.value.kind == FailureKind.UNREACHABLE


def test_a_peer_of_another_age_has_no_common_version(peer, settings):
    peer.versions = ("2.0", "3.0")
    with pytest.raises(PeerFailure, match=r"offers OCPI 2\.0, 3\.0"):
        Peer(Transport.open(peer.connection())).discover()


def test_a_token_that_the_peer_repeats_is_not_repeated_by_us(crawl, peer):
    body = f'{{"data": [], "status_code": 2001, "status_message": "bad token {TOKEN}"}}'
    peer.faults = [Response(body)]
    with pytest.raises(PeerFailure) as failure:
        crawl()
    assert TOKEN not in str(failure.value)
    assert "bad token ***" in str(failure.value)


def test_a_url_is_kept_without_its_secrets():
    kept = without_secrets("https://user:pw@peer.example:8443/cdrs?offset=2&token=abc&limit=5")
    assert kept == "https://peer.example:8443/cdrs?offset=2&limit=5"
