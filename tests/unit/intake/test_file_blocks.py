"""A file of lines too large to be read line by line is stored byte for byte, and nothing of it is lost."""

import gzip
import json
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake import landing, touched_months
from pipelines.lib.intake.files import loading as file_loading
from pipelines.lib.intake.files.blocks import file_blocks, look_at
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Connection
from tests.unit.intake.little_peer import cdr, envelope

SOURCE = FileSource(
    Connection(connection_id="ldw", kind="cpo", parties=("DE*LDW",), versions_url="https://ldw.example/versions"),
    "cdrs",
)
LINES = [json.dumps(cdr(number)).encode() for number in range(40)]


@pytest.fixture
def settings(settings):
    """The same with one process: further ones take seconds to start."""
    return settings.model_copy(update={"workers": 1})


@pytest.fixture
def loading(settings, lake, tmp_path, monkeypatch):
    """Load bytes as a large file is loaded, in blocks of some 5 kB."""
    monkeypatch.setattr(file_loading, "CHECKED_BYTES", 0)
    monkeypatch.setattr(file_loading, "PAGE_BYTES", 5_000)

    def loading(content):
        path = tmp_path / "cdrs.ndjson"
        path.write_bytes(content)
        return load_file(settings, lake, path, SOURCE)

    return loading


def pages(lake):
    """Every kept page with its bytes, in order."""
    store = RawStore(lake)
    return [(page, store.read_page(page)) for manifest in store.manifests() for page in manifest.pages]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n\n"])
def test_the_pages_are_the_file(loading, lake, end):
    content = b"\r\n".join(LINES) + end
    report = loading(content)
    kept = pages(lake)
    assert b"".join(held for _, held in kept) == content
    assert len(kept) > 3
    assert {page.format for page, _ in kept} == {"ndjson"}
    assert report.records == len(LINES) == sum(page.records for page, _ in kept)


def test_gzip_and_plain_are_the_same_file(loading, lake):
    loading(b"\n".join(LINES))
    assert loading(gzip.compress(b"\n".join(LINES))).outcome == "duplicate"


def test_all_of_it_is_taken_in(settings, lake, loading):
    loading(b"\n".join(LINES))
    assert normalise(settings, lake).typed == len(LINES)


@pytest.mark.parametrize("most_rows", [1, 1_000])
def test_parts_of_a_pull_give_every_month_its_rows(settings, lake, loading, monkeypatch, most_rows):
    monkeypatch.setattr(landing, "_PART_RECORDS", 8)
    monkeypatch.setattr(touched_months, "_MOST_ROWS", most_rows)
    september = [line.replace(b"2026-10-", b"2026-09-") for line in LINES[::3]]
    october = [line for number, line in enumerate(LINES) if number % 3]
    loading(b"\n".join([*september, *october]))
    assert normalise(settings, lake).typed == len(LINES)
    counts = {str(month): len(lake.read(Layer.TYPED, "cdrs", month)) for month in lake.months(Layer.TYPED, "cdrs")}
    assert counts == {"2026-09": len(september), "2026-10": len(october)}
    assert len(list(Path(lake.root).rglob("records.parquet"))) > 3
    cdrs, periods = (lake.read_months(Layer.TYPED, name) for name in ("cdrs", "charging_periods"))
    assert periods["cdr_key"].n_unique() == cdrs["cdr_key"].n_unique() == len(LINES)


def landed(lake):
    """Every landed table of a lake by where it stands."""
    return {path.relative_to(lake.root): pl.read_parquet(path) for path in Path(lake.root).glob("landed/**/*.parquet")}


@pytest.mark.parametrize("odd", [b"", b"\n\n\n", b'{"id": "X"\n', b'{"id": "\xff"}\n'])
def test_what_is_landed_while_it_is_stored_is_what_its_pages_say(settings, lake, loading, monkeypatch, odd):
    monkeypatch.setattr(landing, "_PART_RECORDS", 8)
    loading(b"\n".join([*LINES[:20], odd + LINES[20], *LINES[21:], b""]))
    while_stored = landed(lake)
    shutil.rmtree(Path(lake.root) / "landed")
    normalise(settings, lake)
    from_pages = landed(lake)
    assert len(from_pages) > 3
    common = from_pages.keys() & while_stored.keys()
    assert odd == b"\n\n\n" or common == from_pages.keys() == while_stored.keys()
    assert all(while_stored[place].equals(from_pages[place]) for place in common)


def test_a_loading_that_was_killed_is_done_again_as_if_it_had_not_been(settings, lake, loading, monkeypatch):
    monkeypatch.setattr(landing, "_PART_RECORDS", 8)
    loading(b"\n".join(LINES))
    before = landed(lake)
    (manifest,) = Path(lake.root).rglob("pull.json")
    pages = msgspec.json.decode(manifest.read_bytes())["pages"]
    manifest.unlink()
    shutil.rmtree(next(iter(Path(lake.root).glob("landed/*/*/*/*/00000-*"))))
    later = settings.model_copy(update={"now": settings.clock() + timedelta(hours=3), "workers": 2})
    path = Path(settings.home) / "again.ndjson"
    path.write_bytes(b"\n".join(LINES))
    assert load_file(later, lake, path, SOURCE).outcome == "loaded"
    again = landed(lake)
    assert again.keys() == before.keys()
    assert all(again[place].equals(before[place]) for place in before)
    (manifest,) = Path(lake.root).rglob("pull.json")
    told_again = msgspec.json.decode(manifest.read_bytes())["pages"]
    assert [page | {"url": ""} for page in told_again] == [page | {"url": ""} for page in pages]


def test_a_bad_line_is_named_and_quarantined_alone(settings, lake, loading):
    report = loading(b"\n".join([*LINES[:30], b'{"id": "X', b"", *LINES[30:]]))
    assert [(each.line, each.message) for each in report.findings] == [(31, "this line is no JSON")]
    taken = normalise(settings, lake)
    assert (taken.typed, taken.quarantined) == (len(LINES), 1)


@pytest.mark.parametrize(
    "content", [b"[" + b",".join(LINES) + b"]", envelope([cdr(1)]), b"id;currency\n1;EUR\n", b"", b"{\n}\n"]
)
def test_other_files_are_not_cut_into_lines(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert file_blocks(path, 100) is None


@pytest.mark.parametrize(
    ("block", "bad"),
    [
        (b'{"a": 1}\n{"a": 2}\n', ()),
        (b'{"a": 1} {"a": 2}\n', ((0, b'{"a": 1} {"a": 2}'),)),
        (b'\n{"a":\n1}\n', ((1, b'{"a":'), (2, b"1}"))),
        (b'{"a": "\xff"}\n{"a": 2}', ((0, b'{"a": "\xff"}'),)),
    ],
)
def test_only_a_line_that_is_one_json_value_is_good(block, bad):
    assert look_at(block).bad == bad
