"""Every reader of every version, fed with mutated JSON: never a crash, never a silent loss, never a float."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ocpi.envelope import read_records
from models.ocpi.exact_json import decode_json
from models.ocpi.known_fields import find_unknown
from models.ocpi.reading import VERSIONS, parse_cdr, parse_tariff
from models.ocpi.strict_shapes import page_is_plain, record_is_plain
from models.ocpi.vocabulary import FIELDS
from models.schemas.registry import Layer, table
from pipelines.lib.intake.landing import record_rows
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from pipelines.lib.intake.stated import COLUMNS, READ, Context, values_of
from tests.property.intake.test_mutated_records import RAW_NUMBERS, SEEDS, VALUES, mutated, paths
from tests.unit.intake.little_peer import cdr, envelope, location, session, tariff

AT = datetime(2026, 11, 5, 6, tzinfo=UTC)
OWNER = {"country_code": "DE", "party_id": "LDW"}


def without(record, *names):
    return {name: value for name, value in record.items() if name not in names}


def in_2_1_1(record):
    """Write a location as 2.1.1 does: no owner, one tariff a connector."""
    connector = {"id": "1", "power_type": "AC_3_PHASE", "voltage": 230, "amperage": 32, "tariff_id": "T1"}
    evses = [{"uid": "E1", "evse_id": "DE*LDW*E1", "connectors": [connector]}]
    return without(record, *OWNER) | {"evses": evses}


TARIFF = {
    "2.1.1": {
        **without(tariff(), *OWNER),
        "elements": [{"price_components": [{"type": "ENERGY", "price": "0.45", "step_size": 1}]}],
    },
    "2.2.1": tariff(),
    "2.3.0": tariff(tax_included="NO", min_price={"before_taxes": 1}),
}
_TIMES = ("start_date_time", "end_date_time")
_TAXED = {"before_taxes": 4.55, "taxes": [{"name": "VAT", "percentage": 19, "amount": 0.8645}]}
CDR = {
    "2.1.1": {
        **without(cdr(), *OWNER, "cdr_token", "cdr_location", "end_date_time", "session_id", "authorization_reference"),
        "auth_id": "DENSTC1",
        "stop_date_time": "2026-10-12T09:00:00Z",
        "location": in_2_1_1(location()),
        "tariffs": [TARIFF["2.1.1"]],
        "total_cost": 4.55,
        "charging_periods": [
            {"start_date_time": "2026-10-12T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": "10.1234"}]}
        ],
    },
    "2.2.1": cdr(),
    "2.3.0": cdr(tariffs=[TARIFF["2.3.0"]], total_cost=_TAXED),
}
SESSION = {
    "2.1.1": {
        **without(session(), *OWNER, *_TIMES, "cdr_token", "location_id", "evse_uid", "connector_id"),
        "start_datetime": "2026-10-12T08:00:00Z",
        "end_datetime": "2026-10-12T09:00:00Z",
        "auth_id": "DENSTC1",
        "location": in_2_1_1(location()),
        "total_cost": 4.55,
    },
    "2.2.1": session(total_cost={"excl_vat": 4.55}),
    "2.3.0": session(total_cost=_TAXED),
}
TOKEN = SEEDS["tokens"]
CLIENT = {**OWNER, "role": "CPO", "status": "CONNECTED", "last_updated": "2026-10-01T00:00:00Z"}
INVOICE = {
    **OWNER,
    "id": "IR-1",
    "invoice_id": "2026-17",
    "cdrs": ["C1", "C2"],
    "last_updated": "2026-11-01T00:00:00Z",
}


def seed(module, version):
    """Give a sound record of a module as a version writes it."""
    old = version == "2.1.1"
    written = {
        "cdrs": CDR[version],
        "tariffs": TARIFF[version],
        "sessions": SESSION[version],
        "locations": in_2_1_1(location()) if old else location(),
        "tokens": without(TOKEN, "contract_id") | {"auth_id": "C"} if old else TOKEN,
        "hubclientinfo": CLIENT,
        "invoicereconciliation": INVOICE,
        "authorizations": SEEDS["authorizations"],
    }
    return written[module]


KINDS = sorted((module, version) for version in VERSIONS for module in FIELDS[version] if module in READERS)


def landed(module, version, page):
    batch = Batch(module, READERS[module]({"DEU": "DE"}))
    batch.add_page(PageContext(0, "f" * 64, AT, version, "DE*LDW"), page)
    batch.read()
    return record_rows(batch), batch.frames()


@st.composite
def mutants(draw):
    """A module, a version, and a page with one good and one mutated record."""
    module, version = draw(st.sampled_from(KINDS))
    record = seed(module, version)
    path = draw(st.sampled_from(list(paths(record))))
    bad = mutated(record, path, draw(VALUES), drop=draw(st.booleans()) and bool(path))
    page = envelope([record, bad]).decode()
    for number in RAW_NUMBERS:
        page = page.replace(f'"@{number}@"', number)
    return module, version, page.encode()


@pytest.mark.parametrize(("module", "version"), KINDS)
def test_a_sound_record_of_every_version_is_read_and_has_no_unknown_field(module, version):
    page = envelope([seed(module, version)])
    records, _ = landed(module, version, page)
    assert records.select("page_position", "rule", "record_id").null_count().row(0)[1] == 1, records["reason"]
    assert find_unknown(module, version, seed(module, version)) == ()
    assert page_is_plain(module, version, page)


@settings(derandomize=True, max_examples=600, deadline=None)
@given(mutants())
def test_a_mutated_record_of_any_version_is_a_row_or_a_reason_and_never_a_float(case):
    module, version, page = case
    records, frames = landed(module, version, page)
    good, bad = records.sort("page_position").to_dicts()
    assert good["rule"] is None
    if bad["rule"] is not None:
        assert bad["record_json"].encode() in page
        assert bad["reason"]
    for name, frame in frames.items():
        contract = table(Layer.TYPED, name).schema
        assert {
            column: dtype for column, dtype in frame.schema.items() if column in contract
        }.items() <= contract.items()
        assert not [dtype for dtype in frame.dtypes if dtype.is_float()]


@settings(derandomize=True, max_examples=400, deadline=None)
@given(mutants())
def test_statements_are_made_of_exactly_the_records_that_are_typed(case):
    module, version, page = case
    if module not in COLUMNS:
        return
    records, _ = landed(module, version, page)
    context = Context(version, "DE*LDW", {"DEU": "DE"})
    for record, rule in zip(read_records(page), records.sort("page_position")["rule"], strict=True):
        values = values_of(READ[module], record, context)
        assert rule is None or not values


@settings(derandomize=True, max_examples=400, deadline=None)
@given(mutants())
def test_the_quick_look_for_unknown_fields_never_overlooks_one(case):
    module, version, page = case
    decoded = decode_json(page)
    for record in decoded["data"]:
        content = json.dumps(record, default=str).encode()
        if record_is_plain(module, version, content):
            assert isinstance(record, dict)
            assert find_unknown(module, version, record) == ()
    if page_is_plain(module, version, page):
        assert all(find_unknown(module, version, record) == () for record in decoded["data"])


def test_three_versions_of_one_cdr_are_one_canonical_row():
    read = [parse_cdr(decode_json(json.dumps(CDR[version])), version, owner_id="DE*LDW") for version in VERSIONS]
    same = ("owner_id", "cdr_id", "started_at", "ended_at", "currency", "total_energy_kwh", "total_hours")
    same += ("contract_id", "location_id", "evse_uid", "evse_id", "connector_id", "connector_power_type")
    for name in same:
        assert len({getattr(each, name) for each in read}) == 1, name
    assert [each.total_cost.excl_vat for each in read] == [Decimal("4.55")] * 3
    assert [each.total_cost.incl_vat for each in read] == [None, Decimal("5.4145"), Decimal("5.4145")]
    assert read[0].notes[0].endswith("number written as text '10.1234'")


def test_three_versions_of_one_tariff_price_the_same():
    prices = [
        parse_tariff(decode_json(json.dumps(TARIFF[version])), version, owner_id="DE*LDW").elements[0].components[0]
        for version in VERSIONS
    ]
    assert {each.unit_price for each in prices} == {Decimal("0.45")}
    assert {each.step_size for each in prices} == {1}
