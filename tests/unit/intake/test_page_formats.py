"""A raw page is an OCPI answer, lines of JSON or a JSON list; whichever it is, intake gives the same tables."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from models.ocpi.envelope import read_page
from models.ocpi.problems import RecordProblem
from models.schemas.registry import Layer
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import Manifest, Provenance, RawStore
from tests.unit.intake.little_peer import cdr, envelope

AT = datetime(2026, 11, 5, 4, tzinfo=UTC)
CDRS = [cdr(number) for number in (1, 2, 3)]
LINES = b"\n".join(json.dumps(each).encode() for each in CDRS)
PAGES = {"envelope": envelope(CDRS), "ndjson": LINES, "json_array": json.dumps(CDRS).encode()}


def kept(lake, content, page_format):
    """Keep one page as a pull of its own, as whoever received it does."""
    page = Provenance(
        connection_id="ldw",
        module="cdrs",
        ocpi_version="2.2.1",
        pull_id="20261105T040000Z",
        sequence=0,
        url="file:cdrs",
        http_status=200,
        headers={},
        received_at=AT,
        sha256=hashlib.sha256(content).hexdigest(),
        records=3,
        format=page_format,
    )
    RawStore(lake).write_page(page, content)
    RawStore(lake).finish(
        Manifest(
            connection_id="ldw",
            module="cdrs",
            ocpi_version="2.2.1",
            pull_id=page.pull_id,
            owner_id=None,
            since=None,
            until=AT,
            finished_at=AT,
            failure=None,
            pages=(page,),
        )
    )
    return page


@pytest.mark.parametrize("page_format", PAGES)
def test_every_format_gives_the_same_records(page_format):
    assert [json.loads(each) for each in read_page(PAGES[page_format], page_format)] == CDRS


@pytest.mark.parametrize("page_format", PAGES)
def test_every_format_is_taken_in(settings, lake, page_format):
    page = kept(lake, PAGES[page_format], page_format)
    assert normalise(settings, lake).typed == len(CDRS)
    assert len(lake.read_months(Layer.TYPED, "cdrs")) == len(CDRS)
    assert json.loads(RawStore(lake).record("ldw", "cdrs", page.sha256, 1)) == CDRS[1]


def test_lines_keep_their_bytes_and_empty_ones_are_no_records():
    assert read_page(b'\xef\xbb\xbf{"id": 1.50}\r\n\n  \n{broken', "ndjson") == [b'{"id": 1.50}', b"{broken"]


def test_a_line_that_is_no_json_costs_only_itself(settings, lake):
    kept(lake, LINES.replace(b"\n", b"\n{broken\n", 1), "ndjson")
    report = normalise(settings, lake)
    assert (report.typed, report.quarantined) == (3, 1)
    records = lake.read(Layer.TYPED, "records").filter(outcome="quarantined")
    assert records.select("rule", "page_position", "record_json").rows() == [("not_json", 1, "{broken")]


def test_a_list_that_is_cut_off_is_one_problem():
    with pytest.raises(RecordProblem, match="not JSON"):
        read_page(PAGES["json_array"][:-5], "json_array")
