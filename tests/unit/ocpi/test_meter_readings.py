"""Signed meter values: what OCMF says is read to the digit, what is no OCMF is present and unread."""

import base64
import json
from decimal import Decimal

import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.reading import parse_cdr
from tests.unit.intake.little_peer import cdr


def ocmf(*readings, head="OCMF|", tail='|{"SD": "3045"}'):
    """Write a data set; a reading is (mark, value) or the fields themselves."""
    fields = [each if isinstance(each, dict) else {"TX": each[0], "RV": each[1]} for each in readings]
    common = {"RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
    entries = ", ".join(_as_json(each if index else common | each) for index, each in enumerate(fields))
    return f'{head}{{"FV": "1.0", "MS": "7", "RD": [{entries}]}}{tail}'


def _as_json(fields):
    """Write numbers with the digits that are given, as a meter does."""
    parts = (f'"{name}": {value if name == "RV" else json.dumps(value)}' for name, value in fields.items())
    return "{" + ", ".join(parts) + "}"


def received(record, version="2.2.1", **owner):
    return parse_cdr(decode_json(json.dumps(record)), version, **owner)


def read(*values, version="2.2.1"):
    signed = [{"nature": nature, "plain_data": plain, "signed_data": data} for nature, plain, data in values]
    parsed = received(cdr() | {"signed_data": {"encoding_method": "OCMF", "signed_values": signed}}, version)
    return parsed.has_signed_values, parsed.meter_start_kwh, parsed.meter_end_kwh


def test_both_readings_of_one_data_set_keep_their_digits():
    told = ocmf(("B", "2935.600"), ("C", "2940"), ("E", "2965.123456789"))
    assert read(("Start", told, "x")) == (True, Decimal("2935.600"), Decimal("2965.123456789"))


def test_the_nature_marks_a_reading_that_has_no_mark():
    start, end = ocmf({"RV": "10.5"}), ocmf({"RV": "30.25"})
    assert read(("Start", start, "x"), ("End", end, "x")) == (True, Decimal("10.5"), Decimal("30.25"))


def test_watt_hours_are_kilowatt_hours_exactly():
    assert read(("End", ocmf({"TX": "E", "RV": "7500001", "RU": "Wh"}), "x"))[2] == Decimal("7500.001")


@pytest.mark.parametrize("obis", ["1-0:1.8.0*198", "01-00:01.08.00*FF", "1.8.0"])
def test_the_register_of_imported_energy_has_many_spellings(obis):
    assert read(("End", ocmf({"TX": "E", "RV": "5", "RI": obis}), "x"))[2] == 5


def test_the_data_may_stand_alone_or_in_base_64():
    alone = ocmf(("E", "8"), head="", tail="")
    coded = base64.b64encode(ocmf(("E", "9")).encode()).decode()
    assert read(("End", alone, "x"))[2] == 8
    assert read(("End", "", coded))[2] == 9
    assert read(("End", "no OCMF", ocmf(("E", "7"))))[2] == 7


@pytest.mark.parametrize(
    "reading",
    [
        {"TX": "E", "RV": "5", "RI": "1-b:2.8.0"},
        {"TX": "E", "RV": "5", "RU": "MWh"},
        {"TX": "E", "RV": '"5"'},
        {"TX": "E", "RV": "-5"},
        {"TX": "E", "RV": "1e12"},
        {"TX": "E", "RV": "1e9999999"},
        {"TX": "E", "RV": "1e-9999999"},
        {"TX": "E", "RV": "5", "RI": "1-b:1.8.0" + " " * 99},
        {"TX": "E", "RV": "0.0000000001"},
        {"TX": "E", "RV": "true"},
        {"TX": "E", "RV": "5", "ST": "F"},
        {"TX": "C", "RV": "5"},
    ],
    ids=lambda fields: " ".join(map(str, fields.values())),
)
def test_what_is_no_reading_of_imported_energy_is_unknown_and_not_zero(reading):
    assert read(("End", ocmf(reading), "x")) == (True, None, None)


@pytest.mark.parametrize("plain", ["EDL40;0901", "OCMF|{|}", "OCMF|[1]|{}", '{"RD": 5}', '{"RD": [1, null]}', "|"])
def test_another_format_is_present_and_unread(plain):
    assert read(("Start", plain, "!")) == (True, None, None)


def test_a_data_set_that_never_ends_is_read_in_its_beginning():
    endless = ocmf({"TX": "B", "RV": "5", "RI": ":" * 100_000}, *[{}] * 100_000)
    assert read(("Start", endless, "x")) == (True, None, None)


def test_no_signed_values_and_no_place_for_them_are_two_things():
    assert received(cdr()).has_signed_values is False
    assert read()[0] is False
    older = cdr() | {"auth_id": "DENSTC1", "location": {"id": "L1", "evses": []}, "total_cost": 4.55}
    assert received(older, "2.1.1", owner_id="DE*LDW").has_signed_values is None


@pytest.mark.parametrize("signed", ["text", {"signed_values": 5}, {"signed_values": [5]}, {"signed_values": [{}]}, []])
def test_what_is_odd_in_them_never_refuses_a_cdr(signed):
    parsed = received(cdr() | {"signed_data": signed})
    assert (parsed.meter_start_kwh, parsed.meter_end_kwh) == (None, None)
