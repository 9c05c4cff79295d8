"""Every record received is typed, quarantined with its rule and its own digits, or a proven duplicate."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from models.schemas.registry import TABLES, Layer
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.intake import touched_months
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.landing import LANDING
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.outcomes import DECIDING
from pipelines.lib.intake.touched_months import grouped_months
from pipelines.lib.raw_store import RawStore
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, session, tariff

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
OCTOBER = BillingMonth(2026, 10)
TWO_PERIODS = [
    {"start_date_time": f"2026-10-12T08:{minute:02d}:00Z", "dimensions": [{"type": "ENERGY", "volume": 5}]}
    for minute in (0, 30)
]
PLACE = ("connection_id", "module", "ocpi_version", "page_sha256", "page_position")


@pytest.fixture
def receive(settings, lake):
    """Receive pages of one module, a day after the pages before, and normalise."""
    pulls = []

    def receive(module, *pages, **facts):
        at = NOW + timedelta(days=len(pulls))
        pulls.append(at)
        contents = [page if isinstance(page, bytes) else envelope(page) for page in pages]
        keep_pages(RawStore(lake), module, contents, pull_id=f"{at:%Y%m%dT%H%M%SZ}", received_at=at, **facts)
        return normalise(settings, lake)

    return receive


def rules(lake):
    records = lake.read(Layer.TYPED, "records")
    return records.filter(outcome="quarantined")["rule"].to_list()


def all_tables(lake):
    read = {}
    for table in (each for each in TABLES if each.layer == Layer.TYPED):
        read[table.name] = lake.read_months(table.layer, table.name) if table.by_month else lake.read(*table_of(table))
    return read


def table_of(table):
    return table.layer, table.name


def test_a_cdr_becomes_one_row_with_exact_decimals(receive, lake):
    receive("locations", [location()])
    report = receive("cdrs", [cdr()])
    assert report.months == {OCTOBER}
    row = lake.read(Layer.TYPED, "cdrs", OCTOBER).row(0, named=True)
    assert row["cdr_key"] == "DE*LDW*C000001"
    assert row["total_energy_kwh"] == Decimal("10.1234")
    assert row["total_cost_incl_vat"] == Decimal("5.4145")
    assert row["charge_country"] == "DE"
    assert row["time_zone"] == "Europe/Berlin"
    assert row["ended_at"] == datetime(2026, 10, 12, 9, tzinfo=UTC)
    assert row["billing_month"] == date(2026, 10, 1)
    periods = lake.read(Layer.TYPED, "charging_periods", OCTOBER)
    assert periods.select("cdr_key", "period_index", "energy_kwh", "charging_hours", "tariff_id").rows() == [
        ("DE*LDW*C000001", 0, Decimal("10.1234"), Decimal(1), "T1")
    ]


def test_the_tariff_inside_a_cdr_and_the_published_one_are_the_same_version(receive, lake):
    receive("cdrs", [cdr()])
    receive("tariffs", [tariff()])
    (version,) = lake.read(Layer.TYPED, "tariff_versions").to_dicts()
    assert version["source"] == "published"
    assert version["known_from"] == NOW
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["tariff_version_ids"].to_list() == [[version["tariff_version_id"]]]
    assert lake.read(Layer.TYPED, "tariff_components")["unit_price"].to_list() == [Decimal("0.45")]


def test_every_version_of_a_tariff_is_kept_with_when_we_learned_of_it(receive, lake):
    receive("tariffs", [tariff()])
    dearer = tariff(elements=[{"price_components": [{"type": "ENERGY", "price": 0.55, "step_size": 1}]}])
    receive("tariffs", [dearer])
    versions = lake.read(Layer.TYPED, "tariff_versions").sort("known_from")
    assert versions["known_from"].to_list() == [NOW, NOW + timedelta(days=1)]
    assert versions["tariff_key"].to_list() == ["DE*LDW*T1"] * 2


def told_by(lake, row):
    """Give the record that a tariff version names."""
    return json.loads(
        RawStore(lake).record(row["connection_id"], row["module"], row["page_sha256"], row["page_position"])
    )


def test_a_version_names_the_record_that_dates_it(receive, lake):
    dear = [{"price_components": [{"type": "ENERGY", "price": 0.55, "step_size": 1}]}]
    receive("tariffs", [tariff(id="T2"), tariff()])
    receive("cdrs", [cdr(1), cdr(2, tariffs=[tariff(elements=dear)]), cdr(3, tariffs=[tariff(elements=dear)])])
    receive("tariffs", [tariff(elements=dear)])
    rows = lake.read(Layer.TYPED, "tariff_versions").filter(tariff_id="T1").sort("known_from")
    published, carried = rows.iter_rows(named=True)
    assert (published["source"], published["module"], published["known_from"]) == ("published", "tariffs", NOW)
    assert told_by(lake, published)["id"] == "T1"
    assert (carried["source"], carried["module"]) == ("published", "cdrs")
    assert carried["known_from"] == NOW + timedelta(days=1)
    assert (carried["connection_id"], carried["ocpi_version"]) == ("ldw", "2.2.1")
    assert told_by(lake, carried)["id"] == "C000002"


@pytest.mark.parametrize("oddity", [{}, {"total_energy": "10.1234"}])
def test_of_several_cdrs_the_first_is_named_whichever_way_it_was_read(receive, lake, oddity):
    receive("cdrs", [cdr(1, tariffs=[]), cdr(2, **oddity)], [cdr(3), cdr(4, **oddity)])
    (version,) = lake.read(Layer.TYPED, "tariff_versions").iter_rows(named=True)
    assert told_by(lake, version)["id"] == "C000002"


def test_our_own_price_lists_name_no_record(receive, lake, settings):
    settings.master.mkdir(parents=True)
    own = tariff(id="OWN", party_id="NST", tax_included="NO")
    (settings.master / "plan_tariffs.json").write_text(json.dumps([own]))
    receive("tariffs", [tariff()])
    rows = lake.read(Layer.TYPED, "tariff_versions").select("source", pl.col("page_sha256").is_null())
    assert sorted(rows.rows()) == [("plan", True), ("published", False)]


def test_the_month_is_that_of_the_end_on_the_companys_calendar(receive, lake):
    midnight = {"start_date_time": "2026-10-31T22:00:00Z", "charging_periods": cdr()["charging_periods"]}
    receive(
        "cdrs",
        [
            cdr(1, **midnight, end_date_time="2026-10-31T22:59:59Z"),
            cdr(2, **midnight, end_date_time="2026-10-31T23:00:00Z"),
        ],
    )
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["cdr_id"].to_list() == ["C000001"]
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER.next)["cdr_id"].to_list() == ["C000002"]


@pytest.mark.parametrize(
    ("changes", "rule", "said"),
    [
        ({"currency": "EURO"}, "unknown_currency", "'EURO'"),
        ({"total_energy": -3}, "negative_energy", "-3"),
        ({"total_energy": "much"}, "wrong_type", "'much'"),
        ({"total_cost": None}, "missing_field", "total_cost"),
        ({"last_updated": None}, "missing_field", "last_updated"),
        ({"end_date_time": "yesterday"}, "bad_date", "'yesterday'"),
        ({"end_date_time": "1970-01-01T00:00:00Z"}, "bad_time", "1970-01-01"),
        ({"end_date_time": "2027-01-01T00:00:00Z"}, "bad_time", "2027-01-01"),
        ({"charging_periods": []}, "empty_list", "charging_periods"),
        ({"cdr_location": "Hamburg"}, "wrong_type", "'Hamburg'"),
    ],
)
def test_a_bad_cdr_is_quarantined_and_its_neighbours_go_on(receive, lake, changes, rule, said):
    report = receive("cdrs", [cdr(1), cdr(2, **changes), cdr(3)])
    assert (report.typed, report.quarantined, report.duplicate) == (2, 1, 0)
    (row,) = lake.read(Layer.TYPED, "records").filter(outcome="quarantined").to_dicts()
    assert row["rule"] == rule
    assert said in row["reason"]
    assert json.loads(row["record_json"])["id"] == "C000002"


def test_a_number_beyond_the_scale_is_quarantined_with_its_own_digits(receive, lake):
    body = envelope([cdr(), cdr(2, total_energy=-7)]).replace(
        b'"total_energy": -7', b'"total_energy": 99999999999999.9999'
    )
    receive("cdrs", body)
    (row,) = lake.read(Layer.TYPED, "records").filter(outcome="quarantined").to_dicts()
    assert row["rule"] == "number_out_of_range"
    assert "99999999999999.9999" in row["reason"]
    assert '"total_energy": 99999999999999.9999' in row["record_json"]


def test_a_credit_may_take_energy_back(receive, lake):
    credit = cdr(1, id="C000001-C", credit=True, credit_reference_id="C000001", total_cost={"excl_vat": -4.55})
    assert receive("cdrs", [credit]).typed == 1
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["total_cost_excl_vat"].to_list() == [Decimal("-4.55")]


@pytest.mark.parametrize(
    ("page", "rule"),
    [
        (b"<html>502</html>", "not_json"),
        (b'{"data": [', "not_json"),
        (b'{"data": {"id": 1}, "status_code": 1000}', "bad_envelope"),
        (b'{"data": [], "status_code": 2001}', "bad_envelope"),
        (b"[]", "bad_envelope"),
    ],
)
def test_an_unreadable_page_is_one_quarantined_row(receive, lake, page, rule):
    receive("cdrs", page, [cdr()])
    (row,) = lake.read(Layer.TYPED, "records").filter(outcome="quarantined").to_dicts()
    assert (row["rule"], row["page_position"], row["record_json"]) == (rule, -1, page.decode())


def test_the_same_content_again_is_a_duplicate_whatever_the_order_of_its_fields(receive, lake):
    receive("cdrs", [cdr()])
    shuffled = dict(reversed(cdr().items()))
    report = receive("cdrs", [shuffled])
    assert (report.typed, report.duplicate, report.months) == (1, 1, frozenset())
    assert lake.read(Layer.TYPED, "records")["rule"].to_list() == [None, "same_content"]


def test_a_second_body_under_one_cdr_id_is_quarantined_and_the_first_stays(receive, lake):
    receive("cdrs", [cdr()])
    before = lake.read(Layer.TYPED, "cdrs", OCTOBER)
    receive("cdrs", [cdr(id="c000001", total_energy=11)])
    assert rules(lake) == ["cdr_changed"]
    (row,) = lake.read(Layer.TYPED, "records").filter(outcome="quarantined").to_dicts()
    assert "DE*LDW*C000001 was received before" in row["reason"]
    assert json.loads(row["record_json"])["total_energy"] == 11
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER).equals(before)


def test_a_session_shows_its_newest_version_and_leaves_the_month_it_was_in(receive, lake):
    receive("sessions", [session(status="ACTIVE", end_date_time=None, start_date_time="2026-10-31T20:00:00Z")])
    assert lake.read(Layer.TYPED, "sessions", OCTOBER)["status"].to_list() == ["ACTIVE"]
    done = session(
        start_date_time="2026-10-31T20:00:00Z",
        end_date_time="2026-11-01T04:00:00Z",
        last_updated="2026-11-01T04:01:00Z",
    )
    report = receive("sessions", [done])
    assert report.months == {OCTOBER, OCTOBER.next}
    assert lake.read(Layer.TYPED, "sessions", OCTOBER).is_empty()
    assert lake.read(Layer.TYPED, "sessions", OCTOBER.next)["status"].to_list() == ["COMPLETED"]


def test_a_peer_that_goes_back_to_what_it_said_before_is_believed(receive, lake):
    """A peer that forgets to move `last_updated` leaves nothing but the order in which it said things."""
    for status in ("ACTIVE", "COMPLETED", "ACTIVE", "ACTIVE"):
        receive("sessions", [session(status=status)])
    assert lake.read(Layer.TYPED, "sessions", OCTOBER)["status"].to_list() == ["ACTIVE"]
    assert lake.read(Layer.TYPED, "records")["outcome"].to_list() == ["typed", "typed", "typed", "duplicate"]


def test_a_list_that_shows_two_versions_of_an_object_says_nothing_new_by_it(receive, lake):
    newer, older = session(), session(status="ACTIVE", last_updated="2026-10-12T09:00:30Z")
    for _ in range(3):
        receive("sessions", [newer, older])
    assert lake.read(Layer.TYPED, "records")["outcome"].to_list() == ["typed"] * 2 + ["duplicate"] * 4
    assert lake.read(Layer.TYPED, "sessions", OCTOBER)["status"].to_list() == ["COMPLETED"]


def test_what_two_connections_say_differently_again_and_again_is_said_once_by_each(receive, lake):
    for connection_id, status in (("ldw", "ACTIVE"), ("hub", "COMPLETED")) * 2:
        receive("sessions", [session(status=status)], connection_id=connection_id)
    assert lake.read(Layer.TYPED, "records")["outcome"].to_list() == ["typed", "typed", "duplicate", "duplicate"]


def test_an_older_version_that_comes_late_changes_nothing(receive, lake):
    receive("sessions", [session()])
    report = receive("sessions", [session(status="ACTIVE", last_updated="2026-10-12T08:30:00Z")])
    assert (report.typed, report.months) == (2, frozenset())
    assert lake.read(Layer.TYPED, "sessions", OCTOBER)["status"].to_list() == ["COMPLETED"]


def test_a_zone_that_becomes_known_reaches_the_cdrs_that_waited_for_it(receive, lake):
    receive("cdrs", [cdr()])
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["time_zone"].to_list() == [None]
    report = receive("locations", [location()])
    assert report.months == {OCTOBER}
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["time_zone"].to_list() == ["Europe/Berlin"]


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus"])
def test_a_location_without_a_real_zone_leaves_the_zone_unknown(receive, lake, zone):
    receive("locations", [location(time_zone=zone)])
    receive("cdrs", [cdr()])
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["time_zone"].to_list() == [None]
    assert lake.read(Layer.TYPED, "connectors")["time_zone"].to_list() == [None]


def test_a_connector_knows_its_power_and_tariffs(receive, lake):
    receive("locations", [location()])
    (row,) = lake.read(Layer.TYPED, "connectors").to_dicts()
    assert row["connector_key"] == "DE*LDW*L1*E1*1"
    assert row["max_power_kw"] == Decimal("22.08")
    assert (row["country"], row["tariff_ids"]) == ("DE", ["T1"])


def test_tokens_and_authorizations_come_from_the_own_platform(receive, lake):
    token = {"country_code": "DE", "party_id": "NST", "uid": "04A1", "type": "RFID", "contract_id": "DENSTC1"}
    token |= {"issuer": "Nordstern", "valid": True, "whitelist": "ALLOWED", "last_updated": "2026-09-01T00:00:00Z"}
    receive("tokens", [token], connection_id="emsp")
    receive("tokens", [token | {"valid": False, "last_updated": "2026-10-01T00:00:00Z"}], connection_id="emsp")
    assert lake.read(Layer.TYPED, "tokens").select("token_uid", "is_valid").rows() == [("04A1", False)]
    log = {"authorization_id": "1", "authorization_reference": "A1", "country_code": "DE", "party_id": "LDW"}
    log |= {"token_uid": "04A1", "token_type": "RFID", "contract_id": "DENSTC1", "allowed": "ALLOWED"}
    log |= {"timestamp": "2026-10-12T07:59:00Z", "last_updated": "2026-10-12T07:59:00Z"}
    report = receive(
        "authorizations", [log, log | {"authorization_id": "2", "allowed": "PERHAPS"}], connection_id="emsp"
    )
    assert report.quarantined == 1
    (row,) = lake.read(Layer.TYPED, "authorizations", OCTOBER).to_dicts()
    assert (row["cpo_id"], row["result"]) == ("DE*LDW", "ALLOWED")


def test_a_token_is_the_same_in_any_case_so_a_block_finds_its_card(receive, lake):
    token = {"country_code": "DE", "party_id": "NST", "uid": "04a1", "type": "RFID", "contract_id": "DENSTC1"}
    token |= {"issuer": "Nordstern", "valid": True, "whitelist": "ALLOWED", "last_updated": "2026-09-01T00:00:00Z"}
    blocked = token | {"uid": "04A1", "valid": False, "last_updated": "2026-10-01T00:00:00Z"}
    receive("tokens", [token, blocked], connection_id="emsp")
    assert lake.read(Layer.TYPED, "tokens").select("token_uid", "is_valid").rows() == [("04A1", False)]


def test_an_object_of_ocpi_2_1_1_belongs_to_its_connection(receive, lake):
    old = tariff()
    del old["country_code"], old["party_id"]
    receive("tariffs", [old], version="2.1.1")
    assert lake.read(Layer.TYPED, "tariff_versions")["tariff_key"].to_list() == ["DE*LDW*T1"]


def test_incremental_and_from_scratch_give_the_same_tables(receive, lake, settings):
    receive("cdrs", [cdr(number) for number in range(1, 8)])
    receive("locations", [location()])
    receive("cdrs", [cdr(3), cdr(4, total_energy=1), cdr(9), cdr(10, currency="?")], b"oops")
    receive("sessions", [session()])
    step_by_step = all_tables(lake)
    for layer in ("typed", "landed"):
        lake.fs.rm(f"{lake.root}/{layer}", recursive=True)
    normalise(settings, lake)
    at_once = all_tables(lake)
    for name, frame in step_by_step.items():
        assert frame.equals(at_once[name]), name


def test_a_partition_that_is_gone_is_made_again(receive, lake, settings):
    receive("cdrs", [cdr()])
    before = lake.read(Layer.TYPED, "cdrs", OCTOBER)
    lake.fs.rm(f"{lake.root}/typed/cdrs", recursive=True)
    normalise(settings, lake)
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER).equals(before)


@pytest.mark.parametrize("made_as", ["1", LANDING, f"{LANDING} 1", f"1 {DECIDING}"])
def test_months_are_made_again_where_records_are_read_or_decided_in_another_way(receive, lake, settings, made_as):
    receive("cdrs", [cdr()])
    path = lake.path(Layer.TYPED, "cdrs", OCTOBER)
    right = pl.read_parquet(path)
    wrong = right.with_columns(pl.lit(Decimal("1.5")).cast(right.schema["total_energy_kwh"]).alias("total_energy_kwh"))
    wrong.write_parquet(path)
    assert normalise(settings, lake).months == frozenset()
    Path(lake.root, "typed", "read_as.txt").write_text(made_as)
    assert normalise(settings, lake).months == {OCTOBER}
    assert pl.read_parquet(path).equals(right)
    assert normalise(settings, lake).months == frozenset()


@pytest.mark.parametrize(
    ("most_rows", "sizes"), [(1, [1, 1, 1]), (3, [2, 1]), (4, [2, 1]), (5, [2, 1]), (6, [3]), (100, [3])]
)
def test_months_are_written_together_as_far_as_their_rows_fit_the_memory(monkeypatch, most_rows, sizes):
    monkeypatch.setattr(touched_months, "_MOST_ROWS", most_rows)
    months = [OCTOBER, OCTOBER.next, OCTOBER.next.next]
    days = [month.first_day for month, rows in zip(months, (1, 2, 3), strict=True) for _ in range(rows)]
    groups = list(grouped_months(months, pl.DataFrame({"billing_month": days})))
    assert [len(group) for group in groups] == sizes
    assert [month for group in groups for month in group] == months


def test_what_an_older_version_wrote_is_made_again(receive, lake, settings):
    """Its rows are readable, with their places unknown, and no month waits for something new to touch it."""
    receive("sessions", [session()])
    receive("cdrs", [cdr()])
    before = all_tables(lake)
    for name, month in (("sessions", OCTOBER), ("tariff_versions", None)):
        file = io.BytesIO()
        before[name].drop(PLACE, strict=False).write_parquet(file)
        lake.write_bytes(lake.path(Layer.TYPED, name, month), file.getvalue())
        assert lake.read(Layer.TYPED, name, month)["page_sha256"].to_list() == [None]
    assert normalise(settings, lake).months == {OCTOBER}
    for name, frame in all_tables(lake).items():
        assert frame.equals(before[name]), name


def test_ids_that_two_operators_use_are_told_apart(receive, lake):
    receive("cdrs", [cdr()])
    receive("cdrs", [cdr(country_code="NL", party_id="VLT"), cdr(currency="?")], connection_id="hub")
    records = lake.read(Layer.TYPED, "records").select("record_id", "record_key", "outcome")
    assert sorted(records.rows(), key=lambda row: row[::-1]) == [
        ("C000001", "DE*LDW*C000001", "quarantined"),
        ("C000001", "DE*LDW*C000001", "typed"),
        ("C000001", "NL*VLT*C000001", "typed"),
    ]


def test_normalising_again_writes_nothing(receive, lake, settings, monkeypatch):
    receive("cdrs", [cdr()], b"oops")
    monkeypatch.setattr(type(lake), "write_bytes", lambda *_: pytest.fail("something was written"))
    assert normalise(settings, lake).pulls == 0


@pytest.fixture
def received_in_disorder(receive, lake):
    """Receive objects by descending and mixed ids, over several pages and pulls; one CDR says something else later."""
    receive("sessions", [session(id="S3"), session(id="S1")], [session(id="S2")])
    receive("cdrs", [cdr(3, charging_periods=TWO_PERIODS), cdr(1, total_energy="10.1234")], [cdr(2)])
    receive("cdrs", [cdr(5), cdr(2, total_energy=11)], [cdr(4)])


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("cdrs", "cdr_key", [f"DE*LDW*C{number:06d}" for number in range(1, 6)]),
        ("sessions", "session_key", [f"DE*LDW*S{number}" for number in range(1, 4)]),
    ],
)
def test_months_are_sorted_by_key_in_whatever_order_their_objects_came(received_in_disorder, lake, name, key, expected):
    assert lake.read(Layer.TYPED, name, OCTOBER)[key].to_list() == expected


def test_periods_are_sorted_by_their_cdr_and_their_place_in_it(received_in_disorder, lake):
    periods = lake.read(Layer.TYPED, "charging_periods", OCTOBER).select("cdr_key", "period_index").rows()
    assert periods == [(f"DE*LDW*C{number:06d}", at) for number, at in ((1, 0), (2, 0), (3, 0), (3, 1), (4, 0), (5, 0))]


def test_records_stand_in_the_order_received_whatever_became_of_them(received_in_disorder, lake):
    records = lake.read(Layer.TYPED, "records").select("record_id", "outcome").rows()
    assert [name for name, _ in records] == ["S3", "S1", "S2", *(f"C{number:06d}" for number in (3, 1, 2, 5, 2, 4))]
    assert records[-2] == ("C000002", "quarantined")


def test_records_are_conserved_per_connection_and_module(receive, lake):
    receive("cdrs", [cdr(), cdr(), cdr(2, currency="?")], b"oops")
    counts = conservation(lake)
    assert counts.filter(module="cdrs").select("received", "accounted", "typed", "quarantined", "duplicate").rows() == [
        (4, 4, 1, 2, 1)
    ]
    records = lake.read(Layer.TYPED, "records")
    lake.write(Layer.TYPED, "records", records.filter(pl.col("outcome") != "duplicate"))
    broken = conservation(lake).filter(pl.col("received") != pl.col("accounted"))
    assert broken["module"].to_list() == ["cdrs"]


def test_without_a_legal_entity_there_are_no_months(settings, lake):
    lake.fs.rm(f"{lake.root}/master", recursive=True)
    with pytest.raises(UserError, match="exactly one legal entity is supported, found none"):
        normalise(settings, lake)


def with_offset(record):
    return record | {"last_updated": "2026-10-12T11:05:00+02:00"}


OFFSET = "last_updated: offset +02:00 turned into UTC"
PARTY = {"country_code": "DE", "party_id": "LDW"}
TOKEN = {"uid": "04A1", "type": "RFID", "contract_id": "DENSTC1", "valid": True}
AUTHORIZATION = {
    "authorization_id": "A1",
    "token_uid": "04A1",
    "allowed": "ALLOWED",
    "timestamp": "2026-10-12T08:00:00Z",
}
COMPONENT = {"type": "ENERGY", "price": "0.39", "step_size": 1}


@pytest.mark.parametrize(
    ("module", "record", "said"),
    [
        ("sessions", session(kwh="5.5"), f"session kwh: number written as text '5.5'; session {OFFSET}"),
        (
            "tariffs",
            tariff(elements=[{"price_components": [COMPONENT]}]),
            f"tariff elements[0].price_components[0].price: number written as text '0.39'; tariff {OFFSET}",
        ),
        (
            "locations",
            location(time_zone="CET+1"),
            f"location time_zone: 'CET+1' is no IANA time zone: kept as unknown; location {OFFSET}",
        ),
        ("tokens", TOKEN, f"token {OFFSET}"),
        ("authorizations", AUTHORIZATION, f"authorization {OFFSET}"),
        (
            "hubclientinfo",
            {**PARTY, "role": "CPO", "status": "ASLEEP"},
            f"client status: unknown status ASLEEP; client {OFFSET}",
        ),
        (
            "invoicereconciliation",
            {**PARTY, "id": "R1", "invoice_id": "I1", "cdrs": ["C1", "c1"]},
            f"invoice record cdrs: 1 CDR ids more than once; invoice record {OFFSET}",
        ),
    ],
)
def test_what_had_to_be_understood_is_remarked_on_the_record(receive, lake, module, record, said):
    receive(module, [with_offset(record)])
    row = lake.read(Layer.TYPED, "records").row(0, named=True)
    assert (row["outcome"], row["rule"], row["reason"]) == ("typed", None, said)


def test_a_sound_record_has_no_remark(receive, lake):
    for module, record in (("sessions", session()), ("tariffs", tariff()), ("locations", location())):
        receive(module, [record])
    assert lake.read(Layer.TYPED, "records")["reason"].to_list() == [None] * 3


def test_a_remark_is_bounded_however_much_there_is_to_say(receive, lake):
    receive("tariffs", [tariff(elements=[{"price_components": [COMPONENT]}] * 500)])
    receive("locations", [location(time_zone="x" * 10_000)])
    for remark, count in zip(lake.read(Layer.TYPED, "records")["reason"], (500, 1), strict=True):
        assert len(remark) < 600
        assert remark.endswith(f"({count} notes in all)")


def test_coordinates_may_begin_with_zeros_as_ocpi_has_them(receive, lake):
    receive("locations", [location(coordinates={"latitude": "-05.10000", "longitude": "009.99321"})])
    row = lake.read(Layer.TYPED, "connectors").row(0, named=True)
    assert (row["latitude"], row["longitude"]) == (Decimal("-5.1"), Decimal("9.99321"))
    assert lake.read(Layer.TYPED, "records")["reason"].to_list() == [None]
