"""The quick way through a page gives what the careful reader gives, record by record and column by column."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.types.time import BillingMonth
from pipelines.lib.intake.landing import record_rows
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from pipelines.sandbox.files import write_world
from pipelines.sandbox.world import build_world
from tests.property.intake.test_mutated_records import AT, COUNTRIES, VALUES, mutated, paths
from tests.unit.intake.little_peer import cdr, envelope, tariff

ALPHA2 = {"DEU": "DE", "NLD": "NL", "BEL": "BE", "FRA": "FR", "DNK": "DK"}
ENDED = datetime.fromisoformat(cdr()["end_date_time"])
FULL = cdr() | {
    "meter_id": "M1",
    "remark": "ä",
    "credit": False,
    "home_charging_compensation": None,
    "total_fixed_cost": {"excl_vat": 0.35},
    "total_parking_time": 0.25,
    "tariffs": [tariff()],
    "signed_data": None,
}
SIGNED = {
    "encoding_method": "OCMF",
    "signed_values": [{"nature": "End", "plain_data": '{"RD":[{"RV":7.5,"RU":"kWh"}]}', "signed_data": "y"}],
}
HABITS = {
    "signed meter values": ("signed_data", SIGNED),
    "a number as text": ("total_energy", "22.5"),
    "an exponent": ("total_energy", 1e-7),
    "a tenth decimal": ("total_energy", 0.0123456789),
    "an offset": ("start_date_time", "2026-10-12T10:00:00+02:00"),
    "a leap second": ("end_date_time", "2026-10-12T09:59:60Z"),
    "a day that does not exist": ("end_date_time", "2026-02-30T09:59:00Z"),
    "an unknown field": ("x_vendor", 1),
    "an unknown currency": ("currency", "XYZ"),
    "a currency in small letters": ("currency", "eur"),
    "no tariffs": ("tariffs", []),
    "null tariffs": ("tariffs", None),
    "a tariff that cannot be read": ("tariffs", [{"id": "T"}]),
    "a blank text": ("session_id", "  "),
    "a text of nothing but separators": ("session_id", "\x1c\x1d\x1e\x1f"),
    "a text of nothing but odd spaces": ("authorization_reference", "\u00a0\u2003\x85"),
    "a year 0": ("last_updated", "0000-01-01T00:00:00Z"),
    "an empty text": ("session_id", ""),
    "an id that is a number": ("id", 7),
    "an id beyond ASCII": ("id", "Straße"),
    "a price without excl_vat": ("total_energy_cost", {"incl_vat": 1}),
    "a price of null": ("total_energy_cost", {"excl_vat": None}),
    "no periods": ("charging_periods", []),
    "a year without a calendar": ("start_date_time", "9999-12-31T23:59:59Z"),
    "a session that ends in the future": ("end_date_time", "2027-10-12T09:59:00Z"),
    "negative energy": ("total_energy", -1),
    "a record separator": ("total_energy", "\x1e"),
}


class Careful(Batch):
    """A batch that reads every record the careful way."""

    def _take_plain(self, pages):
        del pages
        return {}


def read(kind, pages, countries=COUNTRIES, parties=frozenset()):
    batch = kind("cdrs", READERS["cdrs"](countries), parties)
    for sequence, (received_at, page) in enumerate(pages):
        batch.add_page(PageContext(sequence, f"{sequence:064x}", received_at, "2.2.1", "DE*LDW"), page)
    batch.read()
    return batch, {"records": record_rows(batch), **batch.frames()}


def compare(page, received_at=AT, **context):
    """Read a page both ways and hold the tables together; give how many records took the quick way."""
    return compare_pages([(received_at, page)], **context)


def compare_pages(pages, **context):
    """Read pages that came at different times both ways, as `compare` does."""
    quick, tables = read(Batch, pages, **context)
    _, expected = read(Careful, pages, **context)
    for name, frame in expected.items():
        places = [column for column in ("sequence", "page_position", "period_index") if column in frame.columns]
        keys = places or [column for column in frame.columns if frame.schema[column] == pl.String]
        assert_frame_equal(tables[name].sort(keys), frame.sort(keys), check_column_order=False)
    return sum(map(len, quick.plain))


@st.composite
def pages(draw):
    """Three full CDRs, of which two are changed somewhere; numbers as Python writes them."""
    records = [FULL]
    for _ in range(2):
        path = draw(st.sampled_from([path for path in paths(FULL) if path]))
        records.append(mutated(FULL, path, draw(VALUES), drop=draw(st.booleans())))
    return envelope(records)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(pages())
def test_a_mutated_page_is_read_alike_both_ways(page):
    assert compare(page) >= 1


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_of_peers_is_read_alike_both_ways(habit):
    name, value = HABITS[habit]
    assert compare(envelope([FULL, FULL | {name: value}])) >= 1


def test_periods_and_dimensions_that_are_not_plain_are_read_alike_both_ways():
    (period, *_) = FULL["charging_periods"]
    early = period | {"start_date_time": "2026-10-12T07:00:00Z"}
    (dimension, *_) = period["dimensions"]
    listed = [
        [period, early],
        [period | {"dimensions": [dimension, dimension]}],
        [period | {"dimensions": [dimension, {"type": "NOISE", "volume": 1}]}],
        [period | {"dimensions": [dimension, {"type": "POWER", "volume": "x"}]}],
        [period | {"dimensions": []}],
        [period | {"tariff_id": " "}],
        [period | {"tariff_id": "\x1c"}],
        [period | {"dimensions": [{"type": "ENERGY", "volume": -1}]}],
        [period | {"dimensions": [{"type": "MIN_POWER", "volume": 11}, {"type": "MAX_POWER", "volume": 22}]}],
    ]
    assert compare(envelope([FULL | {"charging_periods": periods} for periods in listed])) == 3


def test_bytes_that_are_no_text_are_read_alike_both_ways():
    page = envelope([FULL, FULL | {"id": "C2", "remark": "MARK"}])
    assert compare(page) == 2
    assert compare(page.replace(b"MARK", b"\xff")) == 0


def test_a_credit_may_take_back():
    assert compare(envelope([FULL | {"credit": True, "total_energy": -1, "credit_reference_id": "C0"}])) == 1


@st.composite
def times(draw):
    """An instant around that at which the session of the full CDR ended, to the second."""
    return ENDED + timedelta(seconds=draw(st.integers(-90_000, 90_000)))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(times(), pages()), min_size=2, max_size=4))
def test_pages_that_came_at_different_times_are_read_alike_both_ways(several):
    compare_pages(several)


def test_a_page_without_plain_records_and_one_that_is_no_json_cost_their_neighbours_nothing():
    good, odd = envelope([FULL, FULL | {"id": "C2"}]), envelope([FULL | {"total_energy": "1"}])
    assert compare_pages([(AT, odd), (AT, good), (AT, b"{"), (AT, envelope([])), (AT, good)]) == 4


def test_a_tariff_is_known_since_it_first_came_in_whatever_order_its_pages_are_read():
    later = AT + timedelta(days=1)
    for order in ([AT, later], [later, AT]):
        _, tables = read(Batch, [(came_at, envelope([FULL])) for came_at in order])
        assert tables["tariff_versions"]["known_from"].to_list() == [AT]


def test_of_one_content_told_in_several_ways_the_first_is_kept_whoever_reads_it():
    ways = [tariff() | {"type": kind} for kind in ("REGULAR", "PROFILE_CHEAP", "AD_HOC_PAYMENT")]
    records = [FULL | {"id": f"C{number}", "tariffs": [way]} for number, way in enumerate(ways)]
    for turn in range(6):
        turned = records[turn % 3 :] + records[: turn % 3]
        assert compare(envelope(turned)) == 3
        _, tables = read(Batch, [(AT, envelope(turned))])
        assert tables["tariff_versions"]["tariff_type"].to_list() == [turned[0]["tariffs"][0]["type"]]


def test_places_and_tokens_that_are_not_plain_refuse_only_their_own_records():
    token, place = FULL["cdr_token"], FULL["cdr_location"]
    records = [
        FULL,
        FULL | {"cdr_token": token | {"uid": 7}},
        FULL | {"cdr_token": None},
        FULL | {"cdr_location": place | {"x_floor": "2"}},
        FULL | {"cdr_location": []},
        FULL | {"cdr_location": place | {"name": None}},
    ]
    assert compare(envelope(records)) == 2


PARTIES = st.frozensets(st.sampled_from(["DE*LDW", "DE*SWM", "FR*XXX"]), max_size=2)
NAMES = st.tuples(st.sampled_from(["DE", "de", "FR", ""]), st.sampled_from(["LDW", "SWM", "ldw", "XXX", " "]))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(NAMES, max_size=4), PARTIES)
def test_a_cdr_of_a_party_that_is_not_declared_is_refused_alike_both_ways(named, parties):
    others = [
        FULL | {"country_code": country, "party_id": party, "id": f"C{place}"}
        for place, (country, party) in enumerate(named)
    ]
    page = envelope([FULL, *others])
    compare(page, parties=parties)
    _, tables = read(Batch, [(AT, page)], parties=parties)
    foreign = tables["records"]["rule"].eq_missing("foreign_party").to_list()
    said = [f"{each['country_code']}*{each['party_id']}".upper() for each in [FULL, *others]]
    assert foreign == [bool(parties) and party not in parties for party in said]
    assert not parties or set(tables["cdrs"]["cpo_id"]) <= parties


def test_a_sandbox_month_takes_the_quick_way_and_is_read_alike(tmp_path: Path):
    write_world(build_world(3, 200, BillingMonth(2026, 10)), tmp_path)
    shares = []
    for file in sorted(tmp_path.rglob("cdrs.ndjson")):
        records = file.read_bytes().splitlines()
        page = b'{"status_code":1000,"data":[' + b",".join(records) + b"]}"
        received_at = datetime(2026, 11, 10, tzinfo=UTC)
        shares.append((compare(page, countries=ALPHA2, received_at=received_at), len(records)))
    assert sum(taken for taken, _ in shares) > 0.97 * sum(count for _, count in shares)


PLACES = {
    "record": ("", "session_id", '"x"'),
    "record, null": ("", "total_fixed_cost", "null"),
    "record, a part": ("", "cdr_token", json.dumps(FULL["cdr_token"])),
    "record, a number": ("", "total_parking_time", "0.25"),
    "token": ("cdr_token", "uid", '"x"'),
    "place": ("cdr_location", "name", '"x"'),
    "coordinates": ("coordinates", "latitude", '"1.0"'),
    "period": ("charging_periods", "tariff_id", '"x"'),
    "dimension": ("dimensions", "volume", "1"),
    "price": ("total_cost", "excl_vat", "0.01"),
    "optional price": ("total_fixed_cost", "incl_vat", "0.01"),
    "tariff": ("tariffs", "currency", '"EUR"'),
    "element": ("elements", "price_components", "null"),
    "component": ("price_components", "price", "0.01"),
}


def with_key_before(parent, key, value, spelling):
    """Put a key and its value at the beginning of an object, or of the first one in a list."""
    record = json.dumps(FULL | {"total_fixed_cost": {"excl_vat": 0.35, "incl_vat": 0.4}}, ensure_ascii=False)
    begin = record.index(f'"{parent}": ') if parent else 0
    brace = record.index("{", begin)
    return f"{record[: brace + 1]}{spelling % (key, value)}, {record[brace + 1 :]}".encode()


SPELLINGS = ('"%s": %s', '"%s":%s', '"%s" : %s', '"%s"\t:\n%s')


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("place", PLACES)
def test_a_key_given_twice_is_refused_both_ways_at_every_level(place, spelling):
    twice = with_key_before(*PLACES[place], spelling)
    good = envelope([FULL])[len('{"data": [') :].split(b'], "status_code"')[0]
    page = b'{"status_code":1000,"data":[' + b",".join([good, twice, good]) + b"]}"
    assert compare(page) == 2
    quick, _ = read(Batch, [(AT, page)])
    assert [row[6] for row in quick.records] == ["not_json"]
    assert "more than once in an object" in quick.records[0][7]


def test_a_key_written_in_escapes_is_the_same_key():
    twice = with_key_before("", "total_cost", '{"excl_vat":0.01}', '"%s":%s').replace(
        b'"total_cost"', b'"\\u0074otal_cost"'
    )
    assert compare(b'{"status_code":1000,"data":[' + twice.replace(b"\\u0074", b"t", 1) + b"]}") == 0


def test_a_key_that_is_taken_back_by_another_way_of_writing_is_seen():
    """A blank before one colon must not make up for a key too many."""
    twice = with_key_before("", "session_id", '"x"', '"%s" : %s').replace(b'"currency": ', b'"currency" : ')
    assert compare(b'{"status_code":1000,"data":[' + twice + b"]}") == 0


@pytest.mark.parametrize("remark", [":", " : ", '":', '\\": x', "a :b"])
def test_colons_in_texts_and_white_space_before_colons_keep_a_record_plain(remark):
    records = [FULL | {"remark": remark}, FULL | {"session_id": None, "meter_id": None}, FULL | {"session_id": ""}]
    page = envelope(records)
    assert compare(page) == 3
    assert compare(page.replace(b'"currency": ', b'"currency"  :\t')) == 3


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(PLACES)), st.sampled_from(SPELLINGS)), min_size=1, max_size=4))
def test_pages_with_keys_given_twice_are_read_alike_both_ways(doubled):
    twice = [with_key_before(*PLACES[place], spelling) for place, spelling in doubled]
    good = json.dumps(FULL).encode()
    page = b'{"status_code":1000,"data":[' + b",".join([good, *twice, good]) + b"]}"
    assert compare(page) == 2


def test_digits_are_kept_as_they_were_sent():
    page = envelope([FULL]).replace(b'"total_energy": 10.1234', b'"total_energy": 123456789.123456789')
    quick, tables = read(Batch, [(AT, page)])
    assert sum(map(len, quick.plain)) == 1
    assert tables["cdrs"]["total_energy_kwh"].to_list() == [Decimal("123456789.123456789")]
