"""Whatever a peer sends, every record ends as a row, a quarantine row or a duplicate: no crash, no loss, no float."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.schemas.registry import Layer, table
from pipelines.lib.intake.landing import record_rows
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from tests.unit.intake.little_peer import cdr, envelope, location, session, tariff

AT = datetime(2026, 11, 5, 6, tzinfo=UTC)
COUNTRIES = {"DEU": "DE"}
SEEDS = {"cdrs": cdr(), "tariffs": tariff(), "sessions": session(), "locations": location()}
SEEDS["tokens"] = {
    "uid": "1",
    "type": "RFID",
    "contract_id": "C",
    "valid": True,
    "last_updated": "2026-10-01T00:00:00Z",
}
SEEDS["authorizations"] = {
    "authorization_id": "1",
    "country_code": "DE",
    "party_id": "LDW",
    "token_uid": "1",
    "allowed": "ALLOWED",
    "timestamp": "2026-10-12T07:59:00Z",
    "last_updated": "2026-10-12T07:59:00Z",
}

CHARACTERS = st.characters(codec="utf-8")
RAW_NUMBERS = ("1e400", "-0", "-0.0", "99999999999999.9999", "123456789012345678901234567890", "1E-30", "0.1234567895")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.decimals(allow_nan=False, allow_infinity=False, places=11, min_value=-(10**9), max_value=10**9).map(str),
    st.text(CHARACTERS, max_size=12),
    st.sampled_from(
        ["", "2026-13-01T00:00:00Z", "2026-10-01T00:00:00+02:00", "2026-10-01T00:00:00.123456Z", "#NA", "NaN"]
    ),
    st.sampled_from([f"@{number}@" for number in RAW_NUMBERS]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(CHARACTERS, max_size=5), st.integers(), max_size=2),
)


def paths(value, prefix=()):
    """Every place inside a JSON value."""
    yield prefix
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], (*prefix, key))


def mutated(record, path, value, *, drop):
    """Put another value at a place, or take the place away."""
    if not path:
        return value
    changed = json.loads(json.dumps(record))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    if drop:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return changed


@st.composite
def mutants(draw):
    """A module and the bytes of a page with one good and one mutated record; half of them CDRs."""
    module = draw(st.sampled_from([*sorted(SEEDS), *["cdrs"] * 5]))
    record = SEEDS[module]
    path = draw(st.sampled_from(list(paths(record))))
    bad = mutated(record, path, draw(VALUES), drop=draw(st.booleans()) and bool(path))
    page = envelope([record, bad]).decode()
    for number in RAW_NUMBERS:
        page = page.replace(f'"@{number}@"', number)
    return module, page.encode()


def landed(module, page, received_at=AT):
    batch = Batch(module, READERS[module](COUNTRIES))
    batch.add_page(PageContext(0, "f" * 64, received_at, "2.2.1", "DE*LDW"), page)
    batch.read()
    return record_rows(batch), batch.frames()


@settings(derandomize=True, max_examples=400, deadline=None)
@given(mutants())
def test_a_mutated_record_is_read_or_quarantined_and_never_costs_its_neighbour(case):
    module, page = case
    records, frames = landed(module, page)
    assert records.height == 2
    good, bad = records.to_dicts()
    assert good["rule"] is None
    assert (bad["rule"] is None) == (bad["record_json"] is None)
    if bad["rule"] is not None:
        assert bad["record_json"].encode() in page
        assert bad["reason"]
    for name, frame in frames.items():
        contract = table(Layer.TYPED, name).schema
        kept = {column: dtype for column, dtype in frame.schema.items() if column in contract}
        assert kept == {column: contract[column] for column in kept}
        assert not [dtype for dtype in frame.dtypes if dtype.is_float()]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(sorted(SEEDS)), st.integers(0, 400))
def test_any_bytes_are_a_page_of_records_or_one_quarantined_row(garbage, module, cut):
    page = envelope([SEEDS[module]])
    for content in (garbage, page[:cut] + garbage, page[:cut] + garbage + page[cut:]):
        records, _ = landed(module, content)
        assert records.filter(pl.col("page_position") == -1).height in (0, 1)
        assert records.height == 1 or records["page_position"].to_list() == list(range(records.height))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=Decimal("999999999.999999999"))
)
def test_every_number_that_fits_arrives_digit_by_digit(volume):
    page = envelope([cdr(total_energy="@")]).replace(b'"@"', str(volume).encode())
    _, frames = landed("cdrs", page)
    assert frames["cdrs"]["total_energy_kwh"].to_list() == [volume]
