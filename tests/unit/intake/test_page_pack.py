"""The pages of a pull share files that any Zstandard unpacks and that say by themselves where each page came from."""

import hashlib
import struct
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest

from pipelines.lib.intake import page_pack
from pipelines.lib.intake.page_pack import PagePack, skipped
from pipelines.lib.raw_store import Provenance, RawStore, packed
from tests.unit.intake.little_peer import cdr, envelope

PAGES = [envelope([cdr(number)]) for number in range(5)]


def page_of(sequence):
    return Provenance(
        connection_id="ldw",
        module="cdrs",
        ocpi_version="2.2.1",
        pull_id="20261105T040000Z",
        sequence=sequence,
        url="http://peer.example/cdrs",
        http_status=200,
        headers={},
        received_at=datetime(2026, 11, 5, 4, tzinfo=UTC),
        sha256=hashlib.sha256(PAGES[sequence]).hexdigest(),
        records=1,
    )


@pytest.fixture
def keeping(lake):
    def keeping():
        pack = PagePack(RawStore(lake), "ldw/cdrs/20261105T040000Z")
        pages = [pack.add(page_of(sequence), packed(content)) for sequence, content in enumerate(PAGES)]
        pack.write()
        return pages

    return keeping


def files(lake):
    return {path.rsplit("/", 1)[1]: path for path in lake.fs.glob(f"{lake.root}/raw/ldw/cdrs/*/*")}


def test_pages_of_one_file_are_found_in_it(keeping, lake):
    pages = keeping()
    assert list(files(lake)) == ["00000.pages.zst"]
    assert [RawStore(lake).read_page(page) for page in pages] == PAGES


def test_a_full_file_is_written_and_the_next_named_by_its_first_page(keeping, lake, monkeypatch):
    monkeypatch.setattr(page_pack, "FULL", len(packed(PAGES[0])) + 1000)
    pages = keeping()
    assert list(files(lake)) == ["00000.pages.zst", "00002.pages.zst", "00004.pages.zst"]
    assert [page.place.file[:5] for page in pages] == ["00000", "00000", "00002", "00002", "00004"]
    assert [RawStore(lake).read_page(page) for page in pages] == PAGES


def test_nothing_is_written_where_nothing_came(lake):
    PagePack(RawStore(lake), "ldw/cdrs/20261105T040000Z").write()
    assert not files(lake)


def test_a_decompressor_gives_the_bytes_as_received_and_skips_the_rest(keeping, lake):
    keeping()
    content = lake.read_bytes(files(lake)["00000.pages.zst"])
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        assert stream.read() == b"".join(PAGES)


def test_the_file_says_where_its_pages_came_from(keeping, lake):
    pages = keeping()
    content = lake.read_bytes(files(lake)["00000.pages.zst"])
    for page in pages:
        magic, length = struct.unpack_from("<II", content, page.place.ends)
        said = content[page.place.ends + 8 :][:length]
        assert magic & 0xFFFFFFF0 == 0x184D2A50
        assert msgspec.json.decode(said, type=Provenance) == page


def test_a_skipped_frame_says_its_length():
    assert skipped(b"abc") == bytes.fromhex("502a4d18 03000000") + b"abc"
