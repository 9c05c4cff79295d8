"""The servers, asked over real HTTP."""

import base64
import re
import socket
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr, parse_tariff
from pipelines.lib.errors import UserError
from pipelines.lib.ocpi_client import Peer, Transport
from pipelines.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def server(small_world):
    with SandboxServer(small_world) as running:
        yield running


def client(server, connection_id):
    token = server.tokens()[f"ROAMLEDGER_TOKEN_{connection_id.upper()}"]
    headers = {"Authorization": f"Token {base64.b64encode(token.encode()).decode()}"}
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}/{connection_id}/ocpi/", headers=headers)


def everything(asking, module, **query):
    """Follow the links to the last page."""
    url, found = str(httpx.URL(f"2.2.1/{module}", params=query)), []
    while url:
        answer = asking.get(url)
        assert answer.status_code == 200
        envelope = decode_json(answer.content)
        assert envelope["status_code"] == 1000
        found.extend(envelope["data"])
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        url = link[1] if link else None
    assert len(found) == int(answer.headers["x-total-count"])
    return found


def test_versions_lead_to_modules(server):
    with client(server, "hub") as asking:
        (version,) = asking.get("versions").json()["data"]
        details = asking.get(version["url"]).json()["data"]
        assert version["version"] == details["version"] == "2.2.1"
        urls = {each["identifier"]: each["url"] for each in details["endpoints"] if each["role"] == "SENDER"}
        assert set(urls) == {"hubclientinfo", "locations", "tariffs", "sessions", "cdrs"}
        assert all(asking.get(url).json()["status_code"] == 1000 for url in urls.values())


@pytest.mark.parametrize("header", [{}, {"Authorization": "Token bm8="}, {"Authorization": "Token sandbox-ldw-token"}])
def test_without_the_token_nothing_is_told(server, header):
    answer = httpx.get(f"http://127.0.0.1:{server.port}/ldw/ocpi/2.2.1/cdrs", headers=header)
    assert answer.status_code == 401
    assert "data" not in answer.json()


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_hold_every_object_once_and_oldest_first(server, small_world, limit):
    with client(server, "str") as asking:
        found = everything(asking, "cdrs", limit=limit)
    assert {each["id"] for each in found} == {c.cdr.cdr_id for c in small_world.cdrs if c.cdr.owner_id == "DK*STR"}
    updates = [each["last_updated"] for each in found]
    assert updates == sorted(updates)


def test_windows_include_their_start_and_exclude_their_end(server):
    with client(server, "swm") as asking:
        whole = everything(asking, "cdrs")
        middle = whole[len(whole) // 2]["last_updated"]
        before, after = everything(asking, "cdrs", date_to=middle), everything(asking, "cdrs", date_from=middle)
    assert before + after == whole
    assert after[0]["last_updated"] == middle


def test_a_tariff_is_listed_in_the_version_of_the_time_asked_about(server):
    with client(server, "vlt") as asking:
        (old,) = [t for t in everything(asking, "tariffs", date_to="2026-09-10T00:00:00Z") if t["id"] == "VLT-AC"]
        (new,) = [t for t in everything(asking, "tariffs") if t["id"] == "VLT-AC"]
    prices = [each["elements"][0]["price_components"][0]["price"] for each in (old, new)]
    assert prices == [Decimal("0.35"), Decimal("0.37")]


def test_the_hub_serves_both_its_parties_whoever_is_asked_for(server):
    with client(server, "hub") as asking:
        asking.headers.update({"OCPI-to-country-code": "BE", "OCPI-to-party-id": "HUB"})
        owners = {(each["country_code"], each["party_id"]) for each in everything(asking, "cdrs")}
    assert owners == {("BE", "CHB"), ("FR", "RCH")}


def test_what_is_served_reads_back_as_what_was_billed(server, small_world):
    billed = {c.cdr.cdr_id: c.cdr for c in small_world.cdrs if c.cdr.owner_id == "NL*VLT"}
    with client(server, "vlt") as asking:
        found = everything(asking, "cdrs", limit=50)
        tariffs = [parse_tariff(each, "2.2.1") for each in everything(asking, "tariffs")]
    assert [parse_cdr(each, "2.2.1") for each in found] == [billed[each["id"]] for each in found]
    assert tariffs == sorted(
        (v.tariff() for v in small_world.network.prices.versions if v.party == "NL*VLT" and v.valid_to is None),
        key=lambda tariff: (tariff.last_updated_at, tariff.tariff_id),
    )


def test_rubbish_is_refused_by_the_reader_for_the_stated_reason(server, small_world):
    for row in small_world.truth.rejects:
        with client(server, row.connection_id) as asking:
            (record,) = [each for each in everything(asking, "cdrs") if each.get("id") == row.record_id]
        if row.expected_rule == "negative_energy":
            assert parse_cdr(record, "2.2.1").total_energy_kwh < 0
        else:
            with pytest.raises(RecordProblem) as problem:
                parse_cdr(record, "2.2.1")
            assert problem.value.rule == row.expected_rule


def test_a_query_that_cannot_be_read_is_named(server):
    with client(server, "ldw") as asking:
        answer = asking.get("2.2.1/cdrs?date_from=tomorrow").json()
    assert (answer["status_code"], answer["status_message"]) == (
        2001,
        "date_from: expected a date and time, found 'tomorrow'",
    )


def test_the_products_client_pulls_through_every_fault(small_world, monkeypatch):
    with SandboxServer(small_world, faults=("429", "500", "slow", "truncated"), slow_seconds=0.05) as faulty:
        for name, token in faulty.tokens().items():
            monkeypatch.setenv(name, token)
        connection = faulty.connections()[1].model_copy(update={"page_limit": 3})
        transport = Transport.open(connection, first_pause=0.001)
        peer = Peer(transport)
        pages = list(peer.pages(peer.discover(), "cdrs", None, datetime(2026, 12, 1, tzinfo=UTC)))
        transport.close()
        assert all(page.problem is None for page in pages)
        received = sum(len(page.records) for page in pages)
        swm = [c for c in small_world.cdrs if c.cdr.owner_id == "DE*SWM"]
        rubbish = [row for row in small_world.truth.rejects if row.connection_id == "swm"]
        assert received == len(swm) + len(rubbish)
        assert faulty.requests > len(pages) + 2


def test_an_unknown_fault_is_refused(small_world):
    with pytest.raises(UserError, match="server fault 'gremlin' is not known"):
        SandboxServer(small_world, faults=("gremlin",))


def test_a_port_in_use_is_named_with_the_remedy(small_world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} .* choose another with --port"):
            SandboxServer(small_world, port=port)
