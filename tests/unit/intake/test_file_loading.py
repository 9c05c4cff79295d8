"""Files of every habit become the same records, once each, and what is wrong with them is reported by line."""

import gzip
import json
import os

import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.drops.folder import take_drops
from pipelines.lib.intake.drops.report import DropReport, keep_drop_report, last_drop_report
from pipelines.lib.intake.drops.stray_folders import stray_folders
from pipelines.lib.intake.files.loading import PAGE_BYTES, FileSource, load_file
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Connection
from tests.unit.intake.little_peer import cdr, envelope, location, session, tariff


@pytest.fixture
def source():
    connection = Connection(
        connection_id="ldw", kind="cpo", parties=("DE*LDW",), versions_url="https://ldw.example/versions"
    )
    return FileSource(connection, "cdrs")


@pytest.fixture
def loading(settings, lake, tmp_path, source):
    """Give a way to load bytes as a file of a module."""

    def loading(content, module="cdrs", name="file.dat", version="2.2.1"):
        path = tmp_path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_file(settings, lake, path, FileSource(source.connection, module, version))

    return loading


def stored(lake, module="cdrs"):
    """Every record of the raw store, in order, decoded."""
    store = RawStore(lake)
    return [
        json.loads(store.record("ldw", module, page.sha256, position))
        for manifest in store.manifests("ldw", module)
        for page in manifest.pages
        for position in range(max(page.records, 0))
    ]


THREE = [cdr(number) for number in (1, 2, 3)]
LINES = "\n".join(map(json.dumps, THREE)).encode()


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        LINES + b"\n\n",
        LINES.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + LINES,
        LINES.decode().encode("utf-16"),
        gzip.compress(LINES),
        json.dumps(THREE).encode(),
        json.dumps(THREE, indent=2).encode(),
        envelope(THREE),
        json.dumps({"data": THREE, "status_code": 1000}, indent=2).encode(),
    ],
    ids=["ndjson", "blank-lines", "crlf", "bom", "utf-16", "gzip", "array", "pretty-array", "envelope", "pretty"],
)
def test_every_habit_gives_the_same_records(loading, lake, settings, content):
    report = loading(content)
    assert (report.outcome, report.records, report.problems) == ("loaded", 3, 0)
    assert stored(lake) == THREE
    assert normalise(settings, lake).typed == 3


def test_one_object_over_several_lines_is_one_record(loading, lake):
    assert loading(json.dumps(cdr(), indent=2)).records == 1
    assert stored(lake) == [cdr()]


def test_digits_are_kept_as_they_were_written(loading, lake):
    line = json.dumps(cdr()).replace("10.1234", "10.12340000000").encode()
    loading(line)
    (page,) = RawStore(lake).manifests("ldw", "cdrs")[0].pages
    assert RawStore(lake).record("ldw", "cdrs", page.sha256, 0) == line


def test_the_same_content_again_is_loaded_once_under_any_name(loading, lake):
    loading(LINES)
    again = loading(gzip.compress(LINES), name="other.ndjson.gz")
    assert (again.outcome, again.records) == ("duplicate", 0)
    assert "nothing was loaded twice" in str(again)
    assert len(RawStore(lake).manifests()) == 1


def test_a_bad_line_costs_nobody_but_itself(loading, lake, settings):
    bad = cdr(2, total_energy="a lot")
    lines = [json.dumps(cdr(1)), "{not json", json.dumps(bad), "", '["no object"]', json.dumps(cdr(3))]
    report = loading("\n".join(lines))
    assert (report.outcome, report.records, report.problems) == ("loaded", 5, 3)
    assert [(finding.line, finding.record) for finding in report.findings] == [(2, None), (3, "C000002"), (5, None)]
    assert "total_energy" in report.findings[1].message
    text = report.as_text().splitlines()
    assert text[1] == (
        "line 2: this line is no JSON; correct it and send the record again; it is quarantined until then"
    )
    outcome = normalise(settings, lake)
    assert (outcome.typed, outcome.quarantined) == (2, 3)
    counts = conservation(lake)
    assert counts["received"].equals(counts["accounted"], null_equal=True)


def test_large_files_are_cut_into_pages(loading, lake, settings):
    padding = "x" * 200_000
    content = "\n".join(json.dumps(cdr(number, remark=padding)) for number in range(1, 51))
    report = loading(content)
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    assert (report.records, len(manifest.pages)) == (50, 3)
    assert all(len(RawStore(lake).read_page(page)) < PAGE_BYTES + 300_000 for page in manifest.pages)
    assert normalise(settings, lake).typed == 50


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(THREE).encode()[:-5], "the file is no JSON"),
        (gzip.compress(LINES)[:-20], "the gzip file is damaged or was cut off"),
        (b"name,iban\nx,y\n", "the header has unknown column iban, name"),
        (b"cdr_id,started_at\nx,y\n", "the header has missing column cpo_id"),
        (b"cpo_id,cdr_id,cdr_id\nx,y,z\n", "a column named twice"),
        (b"[]", "there is no record in it"),
        (envelope([]), "there is no record in it"),
        (b"cpo_id,cdr_id\n", "there is no record in it"),
        (b" \n" * 70_000, "there is no record in it"),
        (gzip.compress(b"\n"), "there is no record in it"),
        (b"cpo_id,cdr_id," + b"x" * 2_000_000 + b"\n1,2,3\n", "line 1: field larger than field limit"),
        (b"cpo_id,cdr_id," + b"x" * 900_000 + b"\n1,2,3\n", f"the header has unknown column {'x' * 40}…; known are"),
        (b"cpo_id,cdr_id\n" + b"1," * 9_000_000, "line 2: row longer than 16 MiB"),
        (b"cpo_id,cdr_id\n" + b'"1\n",' * 4_000_000, "line 2: row longer than 16 MiB"),
        (b"cpo_id,cdr_id\n" + b"1,2\n" * 60_000, "line 50002: more rows of one object than it may have"),
        (
            gzip.compress(b"[" + b"1," * (17 << 20) + b"1]", compresslevel=1),
            "JSON array of more than 16,777,216 values",
        ),
        (b'[{"id": "' + b"x" * (16 << 20) + b'"}]', "record 1 is longer than 16 MiB"),
        (gzip.compress(bytes(300 << 20), compresslevel=1), "more than 256 MiB without a line end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_makes_no_sense_is_rejected_whole(loading, lake, content, said):
    report = loading(content)
    assert report.outcome == "rejected"
    assert said in str(report)
    assert len(str(report)) < 1_000
    assert RawStore(lake).manifests() == []


@pytest.mark.parametrize("white", [b"\n" * 70_000, b" " * 70_000, b"\r\n\t" * 400_000, b"\n" * 65_530])
@pytest.mark.parametrize(
    "content",
    [LINES, json.dumps(THREE).encode(), json.dumps(THREE, indent=2).encode(), envelope(THREE)],
    ids=["ndjson", "array", "pretty-array", "envelope"],
)
def test_white_space_before_the_records_hides_none(loading, lake, white, content):
    assert loading(white + content).records == 3
    assert stored(lake) == THREE


def test_lines_are_numbered_behind_white_space_too(loading):
    assert loading(b"\n" * 70_000 + b"{no json\n" + LINES).findings[0].line == 70_001
    assert loading("\n" * 70_000 + f"{HEADER}\n{ROW.rsplit(';', 3)[0]}\n").findings[0].line == 70_002


@pytest.mark.parametrize("padding", [0, 100_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_record_with_fields_like_those_of_an_envelope_is_a_record(loading, lake, padding, indent):
    odd = cdr(1, data=[], status_code=1000, remark="x" * padding)
    assert loading(json.dumps(odd, indent=indent)).records == 1
    assert stored(lake) == [odd]


@pytest.mark.parametrize("named", [{"uid": "04A1"}, {"authorization_id": "A1"}, {"id": 7}])
def test_an_object_with_any_id_of_its_own_is_no_envelope(loading, lake, named):
    odd = named | {"data": [], "status_code": 1000}
    assert (loading(json.dumps(odd)).records, stored(lake)) == (1, [odd])


def test_an_envelope_in_one_long_line_is_taken_apart(loading, lake):
    many = [cdr(number, remark="x" * 10_000) for number in range(20)]
    assert loading(envelope(many)).records == 20
    assert stored(lake) == many


def test_a_list_of_texts_within_an_object_is_no_line_of_its_own(loading, lake):
    one = tariff() | {"remarks": ["a", "b"]}
    assert loading(json.dumps(one, indent=2), "tariffs").records == 1
    assert stored(lake, "tariffs") == [one]


def test_a_file_given_as_the_wrong_version_is_taken_again_as_the_right_one(loading, lake, settings):
    """In 2.1.1 `location` is the location, in 2.2.1 it is a field that somebody added."""
    lines = "\n".join(json.dumps(each | {"location": "Hafen"}) for each in THREE)
    wrong = loading(lines, version="2.1.1")
    assert (wrong.outcome, wrong.problems, normalise(settings, lake).typed) == ("loaded", 3, 0)
    right = loading(lines)
    assert (right.outcome, right.problems, normalise(settings, lake).typed) == ("loaded", 0, 3)
    assert [loading(lines, version=version).outcome for version in ("2.1.1", "2.2.1")] == ["duplicate", "duplicate"]
    assert len(RawStore(lake).manifests()) == 2


def test_a_pull_id_names_the_version_where_it_is_not_the_usual_one(loading):
    usual, other = loading(LINES), loading(LINES, version="2.3.0")
    assert usual.pull_id == f"20261105T060000Z-file-{usual.sha256[:24]}"
    assert other.pull_id == f"{usual.pull_id}-2.3.0"


def test_a_file_of_another_version_under_an_id_of_before_stays_loaded(loading, lake):
    """Ids once named no version: under one of them lies what was read as 2.3.0, and it is still that."""
    other = loading(LINES, version="2.3.0")
    folder = f"{lake.root}/raw/ldw/cdrs"
    before = other.pull_id.removesuffix("-2.3.0")
    for file in lake.fs.glob(f"{folder}/{other.pull_id}/*"):
        content = lake.read_bytes(file).replace(other.pull_id.encode(), before.encode())
        lake.write_bytes(f"{folder}/{before}/{file.rsplit('/', 1)[1]}", content)
    lake.fs.rm(f"{folder}/{other.pull_id}", recursive=True)
    again = loading(LINES, version="2.3.0")
    assert (again.outcome, again.pull_id) == ("duplicate", before)
    right = loading(LINES)
    assert (right.outcome, right.pull_id) == ("loaded", f"{before}-2.2.1")
    assert loading(LINES).outcome == "duplicate"


def test_an_empty_file_is_no_fault(loading):
    assert (loading(b"").outcome, loading(b"").records) == ("loaded", 0)


HEADER = (
    "cpo_id;cdr_id;started_at;ended_at;currency;total_energy_kwh;total_hours;total_parking_hours;"
    "total_cost_excl_vat;token_uid;contract_id;location_id;last_updated_at"
)
ROW = "DE*LDW;C1;2026-10-12T08:00:00Z;2026-10-12T09:30:00Z;EUR;10,5;1.5;0.25;4.55;=04A1;DENSTC1;L1;2026-10-12T09:35:00Z"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_of_totals_gives_cdrs_of_one_period(loading, lake, settings, delimiter):
    content = f"{HEADER}\n{ROW}\n".replace(";", delimiter)
    report = loading(content, name="october.csv")
    assert (report.outcome, report.records, report.problems) == ("loaded", 1, 0)
    assert "decimal comma read as a point" in report.notes
    normalise(settings, lake)
    (row,) = lake.read_months(Layer.TYPED, "cdrs").to_dicts()
    assert (row["cdr_key"], row["token_uid"]) == ("DE*LDW*C1", "=04A1")
    assert [str(row[name]) for name in ("total_energy_kwh", "total_hours", "total_cost_excl_vat")] == [
        "10.500000000",
        "1.500000000",
        "4.550000000",
    ]
    (period,) = lake.read_months(Layer.TYPED, "charging_periods").to_dicts()
    volumes = [str(period[name]) for name in ("energy_kwh", "charging_hours", "parking_hours")]
    assert volumes == ["10.500000000", "1.250000000", "0.250000000"]


def test_a_csv_may_have_a_row_for_each_charging_period(loading, lake, settings):
    header = (
        "cpo_id,cdr_id,started_at,ended_at,currency,total_energy_kwh,total_hours,total_cost_excl_vat,last_updated_at,"
        "period_started_at,period_energy_kwh,period_charging_hours"
    )
    common = "DE*LDW,C1,2026-10-12T08:00:00Z,2026-10-12T09:00:00Z,EUR,10,1,4.55,2026-10-12T09:35:00Z"
    rows = [f"{common},2026-10-12T08:00:00Z,4,0.5", f"{common},2026-10-12T08:30:00Z,6,0.5"]
    assert loading("\n".join([header, *rows])).records == 1
    normalise(settings, lake)
    periods = lake.read_months(Layer.TYPED, "charging_periods")
    assert [str(volume) for volume in periods["energy_kwh"]] == ["4.000000000", "6.000000000"]


def test_an_ambiguous_comma_or_a_ragged_row_is_quarantined_with_its_line(loading, lake, settings):
    ambiguous = ROW.replace(";10,5;", ";1,234;").replace("C1;", "C2;", 1)
    report = loading("\n".join([HEADER, ROW, ambiguous, ROW.rsplit(";", 3)[0]]))
    assert (report.records, report.problems) == (3, 2)
    assert [(finding.line, finding.record) for finding in report.findings] == [(3, "C2"), (4, None)]
    assert "1,234" in report.findings[0].message
    assert "10 cells instead of 13" in report.findings[1].message
    outcome = normalise(settings, lake)
    assert (outcome.typed, outcome.quarantined) == (1, 2)


TARIFF_ROW = (
    "owner_id;tariff_id;currency;last_updated_at;dimension;unit_price;step_size\n"
    "DE*LDW;T1;EUR;2026-10-01T00:00:00Z;ENERGY;{};1\n"
)
PLACE_ROW = (
    "cpo_id;location_id;country;last_updated_at;evse_uid;connector_id;max_power_kw\n"
    "DE*LDW;L1;DEU;2026-10-01T00:00:00Z;E1;1;{}\n"
)


@pytest.mark.parametrize(("module", "rows"), [("tariffs", TARIFF_ROW), ("locations", PLACE_ROW)])
def test_a_decimal_comma_is_noted_in_whichever_row_it_stands(loading, module, rows):
    report = loading(rows.format("0,39"), module)
    assert (report.problems, report.notes[1:]) == (0, ("decimal comma read as a point",))


@pytest.mark.parametrize("cell", ["1_5", "1,234", "a lot", "\u0665"])
@pytest.mark.parametrize(
    ("module", "rows"), [("tariffs", TARIFF_ROW), ("locations", PLACE_ROW), ("cdrs", f"{HEADER}\n{ROW}\n")]
)
def test_a_cell_that_is_no_number_refuses_its_record(loading, module, rows, cell):
    (finding,) = loading(rows.replace("10,5", "{}").format(cell), module).findings
    assert "expected a number" in finding.message


def test_parking_in_scientific_notation_is_taken_out_of_the_time_of_charging(loading, lake, settings):
    loading(f"{HEADER}\n{ROW.replace(';0.25;', ';25E-2;')}\n")
    normalise(settings, lake)
    (period,) = lake.read_months(Layer.TYPED, "charging_periods").to_dicts()
    assert [str(period[name]) for name in ("charging_hours", "parking_hours")] == ["1.250000000", "0.250000000"]


def test_the_csv_itself_is_kept_as_it_came(loading, lake):
    content = f"{HEADER}\n{ROW}\n".encode("cp1252")
    report = loading(content)
    kept = lake.read_bytes(f"{lake.root}/raw/ldw/cdrs/{report.pull_id}/source.csv.gz")
    assert gzip.decompress(kept) == content


def test_csv_of_every_module_gives_the_rows_that_its_json_gives(loading, lake, settings):
    loading(
        "authorization_id,cpo_id,token_uid,token_type,contract_id,result,authorized_at,last_updated_at\n"
        "A1,DE*LDW,04A1,RFID,DENSTC1,ALLOWED,2026-10-12T08:00:00Z,2026-10-12T08:00:00Z\n",
        "authorizations",
    )
    loading(
        "cpo_id,session_id,started_at,energy_kwh,token_uid,contract_id,status,last_updated_at\n"
        "DE*LDW,S1,2026-10-12T08:00:00Z,4.2,04A1,DENSTC1,ACTIVE,2026-10-12T08:30:00Z\n",
        "sessions",
    )
    loading(
        "token_uid,token_type,contract_id,issuer,is_valid,whitelist,last_updated_at\n"
        "04A1,RFID,DENSTC1,Nordstern,true,ALLOWED,2026-10-01T00:00:00Z\n",
        "tokens",
    )
    loading(
        "cpo_id,location_id,country,time_zone,last_updated_at,evse_uid,connector_id,power_type,max_power_kw,tariff_ids\n"
        "DE*LDW,L1,DEU,Europe/Berlin,2026-10-01T00:00:00Z,E1,1,DC,150,T1|T2\n"
        "DE*LDW,L1,DEU,Europe/Berlin,2026-10-01T00:00:00Z,E2,1,DC,22.08,T1\n",
        "locations",
    )
    loading(
        "owner_id,tariff_id,currency,last_updated_at,element_index,dimension,unit_price,vat_rate_pct,step_size,start_time\n"
        "DE*LDW,T1,EUR,2026-10-01T00:00:00Z,0,ENERGY,0.45,19,1,\n"
        "DE*LDW,T1,EUR,2026-10-01T00:00:00Z,0,FLAT,1,19,1,\n"
        "DE*LDW,T1,EUR,2026-10-01T00:00:00Z,1,PARKING_TIME,6,19,60,08:00\n",
        "tariffs",
    )
    outcome = normalise(settings, lake)
    assert (outcome.typed, outcome.quarantined) == (5, 0)
    assert lake.read_months(Layer.TYPED, "authorizations")["result"].to_list() == ["ALLOWED"]
    assert lake.read_months(Layer.TYPED, "sessions")["status"].to_list() == ["ACTIVE"]
    assert lake.read(Layer.TYPED, "tokens")["is_valid"].to_list() == [True]
    connectors = lake.read(Layer.TYPED, "connectors").sort("evse_uid")
    assert [str(power) for power in connectors["max_power_kw"]] == ["150.000000000", "22.080000000"]
    assert connectors["tariff_ids"].to_list() == [["T1", "T2"], ["T1"]]
    components = lake.read(Layer.TYPED, "tariff_components").sort("element_index", "component_index")
    assert components["dimension"].to_list() == ["ENERGY", "FLAT", "PARKING_TIME"]
    assert components["start_time"].is_null().to_list() == [True, True, False]


@pytest.fixture
def dropping(settings, lake, source):
    """Give a way to drop files and have them taken."""
    declared = settings.model_copy(update={"connections": (source.connection,)})

    def dropping(files, folder="ldw/cdrs", age=60, settled_seconds=10):
        place = settings.home / "drop" / folder
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (place / name).write_bytes(content)
            aged = (place / name).stat().st_mtime - age
            os.utime(place / name, (aged, aged))
        return place, take_drops(declared, lake, settled_seconds=settled_seconds)

    return dropping


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_dropped_files_are_moved_aside_with_their_report(dropping, lake):
    place, reports = dropping({"a.ndjson": LINES, "b.csv": b"nonsense\n"})
    assert [report.outcome for report in reports] == ["loaded", "rejected"]
    assert names(place / "done") == ["a.ndjson", "a.ndjson.report.json", "a.ndjson.report.txt"]
    assert names(place / "rejected") == ["b.csv", "b.csv.report.json", "b.csv.report.txt"]
    assert json.loads((place / "done" / "a.ndjson.report.json").read_bytes())["records"] == 3
    assert stored(lake) == THREE


def test_unfinished_files_are_left_alone(dropping, lake):
    place, reports = dropping({"a.ndjson.part": LINES, "b.tmp": LINES, ".c.ndjson": LINES})
    _, young = dropping({"d.ndjson": LINES}, age=0)
    assert (reports, young, RawStore(lake).manifests()) == ([], [], [])
    assert names(place) == [".c.ndjson", "a.ndjson.part", "b.tmp", "d.ndjson"]


def test_a_file_stored_and_not_moved_is_stored_once(dropping, lake):
    dropping({"a.ndjson": LINES})
    _, (report,) = dropping({"a.ndjson": LINES})
    assert report.outcome == "duplicate"
    assert stored(lake) == THREE


def test_a_loading_that_was_killed_is_done_again_under_the_same_id(dropping, lake):
    dropping({"a.ndjson": LINES})
    (manifest,) = RawStore(lake).manifests()
    lake.fs.rm(f"{lake.root}/raw/ldw/cdrs/{manifest.pull_id}/pull.json")
    _, (report,) = dropping({"b.ndjson": LINES})
    assert (report.outcome, report.pull_id) == ("loaded", manifest.pull_id)
    assert stored(lake) == THREE


def test_other_files_under_one_name_are_all_kept(dropping):
    dropping({"a.ndjson": json.dumps(cdr(1)).encode()})
    place, _ = dropping({"a.ndjson": json.dumps(cdr(2)).encode()})
    assert len([name for name in names(place / "done") if name.endswith("a.ndjson")]) == 2


def test_a_version_is_a_folder(dropping, lake):
    dropping({"t.json": json.dumps([tariff()]).encode()}, "ldw/tariffs/2.3.0")
    assert [each.ocpi_version for each in RawStore(lake).manifests()] == ["2.3.0"]


def test_dropped_and_pulled_records_are_the_same_rows(dropping, lake, settings):
    dropping({"l.json": json.dumps([location()]).encode()}, "ldw/locations")
    dropping({"s.ndjson": json.dumps(session()).encode()}, "ldw/sessions")
    dropping({"c.ndjson": LINES})
    assert normalise(settings, lake).typed == 5
    cdrs = lake.read_months(Layer.TYPED, "cdrs")
    assert cdrs["time_zone"].to_list() == ["Europe/Berlin"] * 3


@pytest.fixture
def strays(dropping, settings, source):
    """Give a way to drop a file into folders, and what is said about those that nobody looks into."""
    declared = settings.model_copy(update={"connections": (source.connection,)})

    def strays(*folders, name="x.json", content=b"{}"):
        for folder in folders:
            dropping({name: content}, folder)
        root = settings.home / "drop"
        return [line.removeprefix(str(root)) for line in stray_folders(declared)]

    return strays


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("zzz/cdrs", "/zzz: connection 'zzz' is not declared (declared: ldw): declare it, or move the files"),
        ("LDW/cdrs", "/LDW: connection 'LDW' is not declared (declared: ldw): declare it, or move the files"),
        ("ldw/nomodule", "/ldw/nomodule: module 'nomodule' is not read from files (known: cdrs, tariffs, sessions, "),
        ("ldw/cdrs/2.4", "/ldw/cdrs/2.4: '2.4' is no version of OCPI that is read (known: 2.1.1, 2.2.1, 2.3.0)"),
        ("master/new", "/master/new: books are taken from drop/master itself: move the files"),
        ("ldw", "/ldw: files are taken from drop/<connection>/<module>: move them there"),
        ("", ": files are taken from drop/<connection>/<module>: move them there"),
    ],
)
def test_a_folder_that_nobody_looks_into_is_named_and_its_files_stay(strays, settings, folder, said):
    (line,) = strays(folder)
    assert line.startswith(said)
    assert line.endswith("; 1 file is left there")
    assert (settings.home / "drop" / folder / "x.json").exists()


def test_folders_that_are_looked_into_or_hold_nothing_are_not_named(strays, settings):
    assert strays() == []
    (settings.home / "drop" / "zzz" / "cdrs").mkdir(parents=True)
    assert strays("ldw/cdrs", "ldw/cdrs/2.3.0", "master") == []
    assert (settings.home / "drop" / "ldw" / "cdrs" / "rejected" / "x.json.report.txt").exists() is False
    assert strays("ldw/cdrs", content=b"nope") == []
    assert (settings.home / "drop" / "ldw" / "cdrs" / "rejected" / "x.json").exists()
    assert strays("zzz/cdrs", name="x.json.part") == []
    (line,) = strays("zzz/cdrs", "zzz/tariffs/2.3.0")
    assert line.endswith("; 2 files are left there")


def test_what_is_said_about_dropped_files_says_where_their_report_lies(dropping, lake):
    bad = json.dumps(cdr(2, currency="?")).encode()
    place, reports = dropping({"a.ndjson": LINES, "b.ndjson": bad, "c.json": b"nope"})
    keep_drop_report(lake, "records", reports, ["a stray"])
    keep_drop_report(lake, "books", [])
    said = last_drop_report(lake)
    assert said.warnings == (
        f"ldw/cdrs b.ndjson: 1 records, 1 with problems; report: {place}/done/b.ndjson.report.txt",
        "a stray",
    )
    (rejected,) = said.rejected
    assert rejected.startswith("ldw/cdrs c.json: rejected: file: the header has unknown column nope;")
    assert rejected.endswith(f"; report: {place}/rejected/c.json.report.txt")
    assert "\n" not in rejected
    keep_drop_report(lake, "records", [])
    assert last_drop_report(lake) == DropReport()
