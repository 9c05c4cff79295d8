"""Every record of a list is got, whatever the peer does with Link, X-Total-Count, X-Limit and its order."""

import time
from datetime import UTC, datetime

import pytest
from starlette.responses import Response

from pipelines.lib.ocpi_client import FailureKind, Peer, PeerFailure, Transport
from tests.unit.intake.little_peer import cdr, envelope, serving
from tests.unit.intake.moving_peer import MovingPeer, ids

UNTIL = datetime(2026, 11, 5, tzinfo=UTC)
ALL = [f"C{number:06d}" for number in range(1, 8)]


@pytest.fixture
def moving():
    with serving(MovingPeer({"cdrs": [cdr(number) for number in range(1, 8)]})) as peer:
        yield peer


@pytest.fixture
def crawl(moving, settings):
    def crawl(since=None, until=UNTIL, **changes):
        transport = Transport.open(moving.connection(**changes), first_pause=0.01)
        try:
            api = Peer(transport).discover()
            return list(Peer(transport).pages(api, "cdrs", since, until))
        finally:
            transport.close()

    return crawl


def offsets(peer):
    return [url.split("offset=")[1].split("&")[0] for url in peer.asked]


@pytest.mark.parametrize(
    "link",
    [
        "http://elsewhere.example/2.2.1/cdrs?{query}&offset={next}",
        "https://{host}/2.2.1/cdrs?{query}&offset={next}",
        "?{query}&offset={leap}",
        "?{query}&offset=0",
        "?{query}&offset=-1",
        "?{query}&offset=next",
        "?offset={next}",
        "/2.2.1/tariffs?{query}&offset={next}",
        "http://[half",
        "",
    ],
    ids=["host", "scheme", "leap", "back", "negative", "no-number", "window", "module", "half", "empty"],
)
def test_a_link_that_is_not_sane_is_not_followed(crawl, moving, link):
    moving.link = link
    assert ids(crawl()) == ALL
    assert offsets(moving) == ["0", "2", "4", "6"]


def test_a_link_with_a_cursor_of_its_own_is_followed(crawl, moving):
    moving.link = "?cursor=k{next}&{query}&offset={next}"
    assert ids(crawl()) == ALL
    assert "cursor=k6" in moving.asked[-1]


@pytest.mark.parametrize("page_limit", [2, 7])
def test_a_peer_that_sends_neither_link_nor_total_is_asked_until_a_page_is_not_full(crawl, moving, page_limit):
    moving.sends_link = moving.sends_total = False
    assert ids(crawl(page_limit=page_limit)) == ALL


@pytest.mark.parametrize(
    ("sends_link", "sends_total", "total"), [(False, False, None), (False, True, 999_999_999_999), (True, False, None)]
)
def test_a_peer_that_gives_the_same_page_at_every_offset_is_reported(crawl, moving, sends_link, sends_total, total):
    moving.sends_link, moving.sends_total, moving.total = sends_link, sends_total, total
    moving.ignores_offset = True
    with pytest.raises(PeerFailure, match="raise page_limit") as failure:
        crawl()
    assert failure.value.kind == FailureKind.ENDLESS_PAGES
    assert len(moving.asked) == 2


@pytest.mark.parametrize("sends_link", [True, False])
def test_a_lower_limit_of_the_peer_is_honoured(crawl, moving, sends_link):
    moving.most, moving.sends_link = 3, sends_link
    assert ids(crawl(page_limit=5)) == ALL
    assert len(moving.asked) == 3


def test_a_total_that_counts_the_page_does_not_end_the_list(crawl, moving):
    moving.total = 2
    assert ids(crawl()) == ALL


def test_where_the_total_falls_the_page_is_asked_again_from_one_record_earlier(crawl, moving):
    moving.leave = [(1, "C000001")]  # C000003 takes the place of C000002, behind the crawl
    assert set(ids(crawl())) == set(ALL)
    assert offsets(moving)[:3] == ["0", "2", "1"]


def test_a_total_that_swings_does_not_keep_us_for_ever(crawl, moving):
    moving.sends_link = False
    page = envelope([cdr(1), cdr(2)])
    moving.faults = [Response(page, headers={"X-Total-Count": str(9 - turn % 2)}) for turn in range(200)]
    assert len(crawl()) < 60


def test_2_1_1_is_asked_for_a_second_more_on_either_side(crawl, moving):
    moving.versions = ("2.1.1",)
    crawl(since=datetime(2026, 10, 1, tzinfo=UTC))
    assert "date_from=2026-09-30T23%3A59%3A59Z" in moving.asked[0]
    assert "date_to=2026-11-05T00%3A00%3A01Z" in moving.asked[0]


def test_sessions_of_2_1_1_are_asked_for_with_a_beginning(moving, settings):
    moving.versions, moving.modules = ("2.1.1",), {"sessions": []}
    peer = Peer(Transport.open(moving.connection()))
    list(peer.pages(peer.discover(), "sessions", None, UNTIL))
    assert "date_from=1970-01-01T00%3A00%3A00Z" in moving.asked[0]


def test_hub_headers_go_on_modules(crawl, moving):
    crawl(routing_from="DE*NST", routing_to="BE*HUB")
    routed = {name: value for name, value in moving.headers[0].items() if name.startswith("ocpi-")}
    assert routed == {
        "ocpi-from-country-code": "DE",
        "ocpi-from-party-id": "NST",
        "ocpi-to-country-code": "BE",
        "ocpi-to-party-id": "HUB",
    }


def test_a_direct_peer_gets_no_hub_headers(crawl, moving):
    crawl()
    assert not [name for name in moving.headers[0] if name.startswith("ocpi-")]
    assert moving.headers[0]["x-request-id"] != moving.headers[1]["x-request-id"]
    assert moving.headers[0]["x-correlation-id"] == moving.headers[1]["x-correlation-id"]


def test_a_rate_limit_spreads_the_requests(crawl, moving):
    began = time.monotonic()
    crawl(requests_per_second=25)  # versions, details, four pages: five gaps of 40 ms
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("wish", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_peer_that_wants_a_long_pause_is_left_alone(crawl, moving, wish):
    moving.faults = [Response("", 429, {"Retry-After": wish})]
    with pytest.raises(PeerFailure, match="HTTP 429 instead of 200, and to come back in"):
        crawl()
    assert len(moving.asked) == 1


def test_a_pause_that_the_peer_asks_for_is_kept(crawl, moving):
    moving.faults = [Response("", 429, {"Retry-After": "1"})]
    began = time.monotonic()
    assert ids(crawl()) == ALL
    assert time.monotonic() - began >= 1


def test_an_answer_slower_than_the_time_out_is_asked_again(crawl, moving):
    def slow():
        time.sleep(0.5)
        return Response(envelope([]))

    moving.faults = [slow]
    assert ids(crawl(timeout_seconds=0.2)) == ALL


def test_a_hiccup_of_authorization_after_the_token_was_taken_is_asked_again(crawl, moving):
    moving.faults = [None, Response("", 401)]
    assert ids(crawl()) == ALL
