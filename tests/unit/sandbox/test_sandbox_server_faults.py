"""Which fault strikes when, and which version a peer offers: what is asked for on the command line."""

import asyncio
from itertools import pairwise

import httpx
import msgspec
import pytest
from starlette.responses import Response

from pipelines.lib.errors import UserError
from pipelines.sandbox.object_faults import with_object_faults
from pipelines.sandbox.pages import ObjectList, Query
from pipelines.sandbox.peers import offered_versions
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.server_faults import STRIKES, FaultLine, fault_table, faulty_page, known_faults
from pipelines.sandbox.wire import WireObject

CDRS = ("ldw", "2.2.1", "cdrs")
LIST = ObjectList([WireObject(f"C{number}", number, b"%d" % number) for number in range(10)])
URL = "http://peer.example/cdrs"


def struck(faults, requests=20, seed=1, of=CDRS):
    line = FaultLine(known_faults(faults), slow_seconds=0, seed=seed)
    return [line.strike(of) for _ in range(requests)]


def cut(fault, offset=4, limit=2):
    page = faulty_page(fault, LIST, Query(offset, limit, None, None), URL)
    return [each.key for each in page.objects], page.headers


def test_each_fault_strikes_each_list_a_few_times_never_twice_in_a_row_and_then_never_again():
    strikes = struck(["429", "500", "auth"])
    assert sorted(filter(None, strikes)) == sorted(["429", "500", "auth"] * STRIKES)
    assert not any(first and second for first, second in pairwise(strikes))
    assert strikes[len(strikes) // 2 + 2 :] == [None] * (len(strikes) // 2 - 2)


def test_a_seed_decides_the_order_and_nothing_else_does():
    names = list(fault_table())[:8]
    assert struck(names) == struck(names)
    assert {tuple(struck(names, seed=seed)) for seed in range(5)} != {tuple(struck(names))}


def test_a_fault_of_one_connection_leaves_the_others_alone():
    assert set(struck(["swm=500"])) == {None}
    assert struck(["429", "ldw=500"])[0] == "500"
    assert struck(["429", "ldw=500"], of=("swm", "2.2.1", "cdrs"))[0] == "429"


@pytest.mark.parametrize("asked", ["gremlin", "ldw=gremlin", "nobody=429", "429=ldw"])
def test_what_is_not_known_is_refused_with_what_is(asked):
    with pytest.raises(UserError, match=r"is not known \(known: 429, 500, .*CONNECTION=NAME for one of ldw, swm"):
        known_faults([asked])


def test_pages_go_wrong_as_their_line_says():
    keys, headers = cut(None)
    assert (keys, headers["X-Total-Count"]) == (["C4", "C5"], "10")
    assert headers["Link"] == f'<{URL}?offset=6&limit=2>; rel="next"'
    assert cut("unstable-order")[0] == ["C9", "C0"]
    assert cut("falling-total")[0] == ["C5", "C6"]
    assert cut("falling-total")[1]["X-Total-Count"] == "9"
    assert cut("falling-total", offset=0)[1]["X-Total-Count"] == "10"
    assert cut("short-page")[0] == ["C4"]
    assert "offset=5" in cut("short-page")[1]["Link"]
    assert cut("dup")[0] == ["C4", "C5", "C5"]
    assert cut("wrong-total")[1]["X-Total-Count"] == "13"
    assert "X-Total-Count" not in cut("no-total")[1]
    assert "Link" not in cut("no-link")[1]
    assert "elsewhere.invalid" in cut("foreign-link")[1]["Link"]
    assert "offset=4&" in cut("circular-link")[1]["Link"]
    assert "offset=8&" in cut("far-link")[1]["Link"]


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("429", 429, b""),
        ("503", 503, b""),
        ("forbidden", 403, b"who are you?"),
        ("truncated", 200, b'{"da'),
        ("empty", 200, b""),
        ("bom", 200, b'\xef\xbb\xbf{"data":'),
        (None, 200, b'{"data":'),
    ],
)
def test_answers_go_wrong_as_their_line_says(fault, status, body):

    answer = Response(b'{"data":', media_type="application/json")
    given = asyncio.run(FaultLine({}, slow_seconds=0).instead(fault, answer))
    assert (given.status_code, bytes(given.body)) == (status, body)


def test_objects_are_written_otherwise_for_the_connection_that_was_named():
    record = b'{"country_code":"DE","total_energy":7.10,"last_updated":"2026-10-12T08:00:00Z"}'
    modules = {(connection, "cdrs"): [WireObject("C1", 1, record)] for connection in ("ldw", "swm")}
    told = with_object_faults(modules, known_faults(["ldw=text-numbers", "ldw=offset-dates", "ldw=other-case"]))
    assert told["swm", "cdrs"][0].body == record
    assert msgspec.json.decode(told["ldw", "cdrs"][0].body) == {
        "country_code": "de",
        "total_energy": "7.10",
        "last_updated": "2026-10-12T10:00:00+02:00",
    }


def test_a_connection_offers_what_it_was_asked_to_and_2_2_1_otherwise():
    offered = offered_versions(["ldw=2.1.1", "ldw=2.3.0", "vlt=2.3.0"])
    assert offered["ldw"] == ("2.1.1", "2.3.0")
    assert offered["vlt"] == ("2.3.0",)
    assert offered["swm"] == ("2.2.1",)
    everywhere = offered_versions(["2.1.1", "2.3.0"])
    assert (everywhere["ldw"], everywhere["hub"]) == (("2.1.1", "2.3.0"), ("2.3.0",))
    assert offered_versions(["2.1.1"])["hub"] == ("2.2.1",)
    with pytest.raises(UserError, match=r"sandbox version '2\.2' is not known"):
        offered_versions(["2.2"])


def test_each_version_has_its_modules_and_2_1_1_no_roles(small_world):
    with SandboxServer(small_world, versions=("2.1.1", "2.3.0")) as server:
        base = f"http://127.0.0.1:{server.port}/ldw/ocpi"
        headers = {"Authorization": "Token sandbox-ldw-token"}
        listed = {
            version: httpx.get(f"{base}/{version}", headers=headers).json()["data"]["endpoints"]
            for version in ("2.1.1", "2.3.0")
        }
        assert httpx.get(f"{base}/2.2.1", headers=headers).status_code == 404
    assert {each.get("role") for each in listed["2.1.1"]} == {None}
    older, newer = ({each["identifier"] for each in listed[version]} for version in ("2.1.1", "2.3.0"))
    assert newer - older == {"invoicereconciliation"}
    assert older == {"credentials", "locations", "tariffs", "sessions", "cdrs"}
