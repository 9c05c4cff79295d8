"""What somebody puts into a drop folder leads nowhere else, and costs nobody but itself."""

import errno
import gzip
import hashlib
import json
import os
import shutil
import tracemalloc
from pathlib import Path

import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.drops import folder as drop_folder
from pipelines.lib.intake.drops import master as master_drops
from pipelines.lib.intake.drops.folder import take_book_drops, take_drops
from pipelines.lib.intake.files import loading
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.master_data import load_master
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Connection
from tests.unit.intake.little_peer import cdr

LDW = Connection(connection_id="ldw", kind="cpo", parties=("DE*LDW",), versions_url="https://ldw.example/versions")
GOOD = (json.dumps(cdr(1)) + "\n" + json.dumps(cdr(2)) + "\n").encode()


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"connections": (LDW,), "workers": 1})


@pytest.fixture
def cdrs(settings):
    """The folder into which CDRs are dropped."""
    folder = settings.home / "drop" / "ldw" / "cdrs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def elsewhere(tmp_path):
    """A folder of somebody else's, with a file; and what it must still hold."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "precious.ndjson").write_bytes(GOOD)
    yield folder
    assert names(folder) == ["precious.ndjson"]
    assert (folder / "precious.ndjson").read_bytes() == GOOD


@pytest.fixture
def taking(settings, lake):
    """Give a way to take what was dropped, by the names of the files."""

    def taking():
        reports = take_drops(settings, lake, settled_seconds=-60)
        return {Path(report.file).name: report for report in reports}

    return taking


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("level", ["ldw", "ldw/cdrs", "ldw/cdrs/2.3.0"])
def test_a_folder_that_is_a_link_is_named_once_and_not_followed(settings, lake, taking, elsewhere, level):
    link = settings.home / "drop" / level
    link.parent.mkdir(parents=True)
    for below in ("cdrs", "cdrs/2.1.1"):
        if level == "ldw":
            (elsewhere / below).mkdir()
            (elsewhere / below / "a.ndjson").write_bytes(GOOD)
    link.symlink_to(elsewhere, target_is_directory=True)
    reports = taking()
    assert [(report.outcome, report.records) for report in reports.values()] == [("rejected", 0)]
    assert f"{link.name} is a symbolic link, and none is followed" in str(reports[link.name])
    assert "\n" not in str(reports[link.name])
    assert RawStore(lake).manifests() == []
    shutil.rmtree(elsewhere / "cdrs", ignore_errors=True)


def test_a_file_that_is_a_link_is_rejected_and_its_target_is_not_read(taking, cdrs, lake, elsewhere):
    (cdrs / "a.ndjson").symlink_to(elsewhere / "precious.ndjson")
    (cdrs / "b.ndjson").write_bytes(GOOD)
    reports = taking()
    assert "a.ndjson is a symbolic link" in str(reports["a.ndjson"])
    assert (reports["a.ndjson"].outcome, reports["b.ndjson"].outcome) == ("rejected", "loaded")
    assert (cdrs / "rejected" / "a.ndjson").is_symlink()
    assert names(cdrs) == ["done", "rejected"]


def test_a_folder_that_becomes_a_link_while_it_is_looked_through_leads_nowhere(
    taking, cdrs, lake, elsewhere, monkeypatch
):
    def swapped(*given):
        if not cdrs.is_symlink():
            cdrs.rename(cdrs.with_name("aside"))
            cdrs.symlink_to(elsewhere, target_is_directory=True)
        return load_file(*given)

    (cdrs / "precious.ndjson").write_bytes(json.dumps(cdr(3)).encode())
    monkeypatch.setattr(drop_folder, "load_file", swapped)
    assert taking()["precious.ndjson"].outcome == "rejected"
    assert not list(Path(lake.root).rglob("raw/**/*"))
    assert (cdrs.with_name("aside") / "rejected" / "precious.ndjson").exists()


@pytest.mark.parametrize("name", ["a.ndjson.report.txt", "a.ndjson.report.json", "a.ndjson"])
def test_a_link_in_the_place_of_a_report_is_replaced_and_not_written_through(taking, cdrs, elsewhere, name):
    (cdrs / "done").mkdir()
    (cdrs / "done" / name).symlink_to(elsewhere / "precious.ndjson")
    (cdrs / "done" / "link").symlink_to(elsewhere / "new")
    (cdrs / "a.ndjson").write_bytes(GOOD)
    report = taking()["a.ndjson"]
    assert report.outcome == "loaded"
    assert Path(report.report_file).read_text(encoding="utf-8") == report.as_text()
    assert not Path(report.report_file).is_symlink()
    assert not (cdrs / "a.ndjson").exists()


@pytest.mark.parametrize("name", ["done", "rejected"])
def test_a_link_in_the_place_of_our_own_folder_makes_way(taking, cdrs, elsewhere, name):
    (cdrs / name).symlink_to(elsewhere, target_is_directory=True)
    (cdrs / "a.ndjson").write_bytes(GOOD)
    (cdrs / "b.csv").write_bytes(b"nonsense\n")
    reports = taking()
    assert [reports[each].outcome for each in ("a.ndjson", "b.csv")] == ["loaded", "rejected"]
    assert f"{name}.renamed is a symbolic link" in str(reports[f"{name}.renamed"])
    assert (cdrs / "done" / "a.ndjson").read_bytes() == GOOD
    assert not (cdrs / "done").is_symlink()


@pytest.mark.parametrize("name", ["done", "rejected"])
def test_a_file_called_like_a_folder_of_ours_is_taken_like_any_other(taking, cdrs, name):
    (cdrs / name).write_bytes(json.dumps(cdr(3)).encode())
    (cdrs / "a.ndjson").write_bytes(GOOD)
    assert {report.outcome for report in taking().values()} == {"loaded"}
    assert (cdrs / "done" / f"{name}.renamed").exists()
    assert taking() == {}


@pytest.mark.parametrize(
    "name",
    [b"b\xff.ndjson", b"x" * 250 + b".nd", b"x" * 255, "ö".encode() * 127, b"a\nb\x1b[31m.ndjson", b"-rf"],
)
def test_no_name_stops_the_others(taking, cdrs, settings, lake, name):
    (cdrs / os.fsdecode(name)).write_bytes(json.dumps(cdr(3)).encode())
    (cdrs / "a.ndjson").write_bytes(GOOD)
    (cdrs / "z.ndjson").write_bytes(json.dumps(cdr(4)).encode())
    reports = taking()
    assert [report.outcome for report in reports.values()] == ["loaded"] * 3
    assert all(str(report).isprintable() for report in reports.values())
    assert all(report.report_file for report in reports.values())
    assert os.fsencode(cdrs / "done" / os.fsdecode(name)) in {os.fsencode(path) for path in (cdrs / "done").iterdir()}
    assert len(names(cdrs / "done")) == 9
    assert normalise(settings, lake).typed == 4


def test_a_pipe_is_rejected_and_never_waited_for(taking, cdrs):
    os.mkfifo(cdrs / "a.ndjson")
    (cdrs / "b.ndjson").write_bytes(GOOD)
    reports = taking()
    assert "a.ndjson is no file, but a pipe" in str(reports["a.ndjson"])
    assert reports["b.ndjson"].outcome == "loaded"


@pytest.mark.parametrize(
    "content",
    [
        b"cpo_id,cdr_id," + b"x" * 2_000_000 + b"\n1,2,3\n",
        gzip.compress(b"cpo_id,cdr_id\n" + bytes(100 << 20), compresslevel=1),
        gzip.compress(GOOD)[:-9],
        b"\xff\xfe\x00",
    ],
    ids=["header", "bomb", "cut", "utf-16"],
)
def test_no_content_stops_the_others(taking, cdrs, content):
    (cdrs / "a.dat").write_bytes(content)
    (cdrs / "b.ndjson").write_bytes(GOOD)
    reports = taking()
    assert (reports["a.dat"].outcome, reports["b.ndjson"].outcome) == ("rejected", "loaded")
    assert (cdrs / "rejected" / "a.dat.report.txt").read_text(encoding="utf-8").startswith("ldw/cdrs a.dat: rejected: ")
    assert taking() == {}


def test_what_a_small_file_unpacks_to_never_fills_the_memory(taking, cdrs):
    (cdrs / "a.csv.gz").write_bytes(gzip.compress(b"cpo_id,cdr_id\n" + bytes(200 << 20), compresslevel=1))
    tracemalloc.start()
    try:
        reports = taking()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reports["a.csv.gz"].outcome == "rejected"
    assert peak < 100 << 20


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("a defect of ours\nin two lines")])
def test_what_no_reader_foresaw_costs_one_file(taking, cdrs, monkeypatch, error):
    def failing(settings, lake, path, *others):
        if path.name == "a.ndjson":
            raise error
        return load_file(settings, lake, path, *others)

    monkeypatch.setattr(drop_folder, "load_file", failing)
    for name in ("a.ndjson", "b.ndjson"):
        (cdrs / name).write_bytes(GOOD)
    reports = taking()
    assert f"it cannot be read ({type(error).__name__}(" in str(reports["a.ndjson"])
    assert "\n" not in str(reports["a.ndjson"])
    assert reports["b.ndjson"].outcome == "loaded"
    assert names(cdrs / "rejected") == ["a.ndjson", "a.ndjson.report.json", "a.ndjson.report.txt"]


def test_a_full_disk_is_not_the_file_s_fault(taking, cdrs, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (cdrs / "a.ndjson").write_bytes(GOOD)
    with monkeypatch.context() as patched:
        patched.setattr(drop_folder, "load_file", full)
        line = str(taking()["a.ndjson"])
    assert "could not be loaded (No space left on device)" in line
    assert line.endswith("; it stays where it is, and the next pull takes it again")
    assert names(cdrs) == ["a.ndjson"]
    assert taking()["a.ndjson"].outcome == "loaded"


def test_a_file_that_cannot_be_moved_is_loaded_once_and_told_of(taking, cdrs, lake):
    for taken in ("a.ndjson", f"{hashlib.sha256(GOOD).hexdigest()[:8]}-a.ndjson"):
        (cdrs / "done" / taken).mkdir(parents=True)
    (cdrs / "a.ndjson").write_bytes(GOOD)
    (cdrs / "b.ndjson").write_bytes(json.dumps(cdr(3)).encode())
    reports = taking()
    assert "2 records; it could not be moved to done (" in str(reports["a.ndjson"])
    assert reports["a.ndjson"].problems == 1
    assert reports["b.ndjson"].outcome == "loaded"
    assert taking()["a.ndjson"].outcome == "duplicate"
    assert sum(manifest.records for manifest in RawStore(lake).manifests()) == 3


def appended(path):
    with path.open("ab") as file:
        file.write(json.dumps(cdr(9)).encode()[:100])


def overwritten(path):
    """Change bytes in place, and set the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-40, os.SEEK_END)
        file.write(b"x" * 20)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path):
    path.with_name("other").write_bytes(path.read_bytes())
    path.with_name("other").replace(path)


@pytest.fixture(params=[appended, overwritten, replaced])
def changing(request, monkeypatch):
    """Have a file changed between the look at it and the storing; `large` for the way of large files."""

    def changing(*, large):
        name = "survey" if large else "content_sha256"
        looked = getattr(loading, name)

        def look(path, *others):
            found = looked(path, *others)
            request.param(path)
            return found

        monkeypatch.setattr(loading, name, look)
        if large:
            monkeypatch.setattr(loading, "CHECKED_BYTES", 0)
            monkeypatch.setattr(loading, "PAGE_BYTES", 2_000)

    return changing


@pytest.mark.parametrize("large", [False, True])
def test_a_file_changed_while_it_is_loaded_is_refused_whole(settings, lake, tmp_path, changing, monkeypatch, large):
    path = tmp_path / "a.ndjson"
    path.write_bytes(GOOD)
    with monkeypatch.context():
        changing(large=large)
        report = load_file(settings, lake, path, FileSource(LDW, "cdrs"))
    assert report.outcome == "rejected"
    assert "was changed while it was being loaded: give it again when it is complete" in str(report)
    assert RawStore(lake).manifests() == []
    assert not list(Path(lake.root).rglob("landed/**/*.parquet"))
    monkeypatch.undo()
    path.write_bytes(GOOD)
    assert load_file(settings, lake, path, FileSource(LDW, "cdrs")).records == 2
    normalise(settings, lake)
    assert lake.read_months(Layer.TYPED, "cdrs").height == 2


@pytest.mark.parametrize("large", [False, True])
def test_a_dropped_file_that_still_changes_waits_for_the_next_round(taking, cdrs, lake, changing, monkeypatch, large):
    (cdrs / "a.ndjson").write_bytes(GOOD)
    changing(large=large)
    assert taking() == {}
    monkeypatch.undo()
    (cdrs / "a.ndjson").write_bytes(GOOD)
    assert taking()["a.ndjson"].records == 2
    assert len(RawStore(lake).manifests()) == 1


@pytest.fixture
def master(settings, books):
    """The folder into which books are dropped, beside books in force."""
    shutil.copytree(books, settings.master)
    folder = settings.home / "drop" / "master"
    folder.mkdir(parents=True)
    return folder


def streets(settings):
    return load_master(settings.master)["legal_entities"]["street"].to_list()


def new_street(books):
    return (books / "legal_entities.csv").read_bytes().replace(b"Polarsternallee 14", b"Polarsternallee 15")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (b"b\xff.csv", b"x\n", "is no file of the books"),
        (b"x" * 253, b"x\n", "is no file of the books"),
        (b"contracts.csv", b"contract_id\nM\xfcller\n", "contracts.csv is no UTF-8"),
        (b"contracts.csv", b"contract_id," + b"x" * 2_000_000, "contracts.csv is no CSV (field larger"),
        (b"plan_tariffs.json", b"[" * 100_000, ""),
        (b"done", b"x\n", "done.renamed is no file of the books"),
    ],
)
def test_no_dropped_book_stops_a_pull_or_is_half_taken(settings, master, books, name, content, said):
    (master / os.fsdecode(name)).write_bytes(content)
    (master / "legal_entities.csv").write_bytes(new_street(books))
    reports = take_book_drops(settings, settled_seconds=-60)
    assert [report.outcome for report in reports] == ["rejected", "rejected"]
    assert all(said in str(report) and str(report).isprintable() for report in reports)
    assert streets(settings) == ["Polarsternallee 14"]
    assert names(master) == ["rejected"]
    (master / "legal_entities.csv").write_bytes(new_street(books))
    assert [report.outcome for report in take_book_drops(settings, settled_seconds=-60)] == ["loaded"]
    assert streets(settings) == ["Polarsternallee 15"]


def test_books_are_read_through_no_link(settings, master, books, elsewhere):
    (master / "legal_entities.csv").symlink_to(elsewhere / "precious.ndjson")
    (report,) = take_book_drops(settings, settled_seconds=-60)
    assert "legal_entities.csv is a symbolic link" in str(report)
    master.rename(master.with_name("aside"))
    master.symlink_to(elsewhere, target_is_directory=True)
    (report,) = take_book_drops(settings, settled_seconds=-60)
    assert f"{master} is a symbolic link" in str(report)
    assert streets(settings) == ["Polarsternallee 14"]


def test_a_book_that_is_still_written_is_not_laid_over_those_in_force(settings, master, books, monkeypatch):
    (master / "legal_entities.csv").write_bytes(new_street(books))
    overlay = master_drops._overlay

    def overlaid(*given):
        overlay(*given)
        (master / "legal_entities.csv").write_bytes(new_street(books) + b"\n")

    with monkeypatch.context() as patched:
        patched.setattr(master_drops, "_overlay", overlaid)
        assert take_book_drops(settings, settled_seconds=-60) == []
    assert streets(settings) == ["Polarsternallee 14"]
    assert [report.outcome for report in take_book_drops(settings, settled_seconds=-60)] == ["loaded"]
