"""Reading OCPI JSON: exact numbers, every version's names, and refusals that say what was expected and found."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from models.ocpi.canonical import Price
from models.ocpi.exact_json import decode_json
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr, parse_tariff
from models.types.vocabularies import Dimension, TaxIncluded


def tariff(component=None, restrictions=None, **changes):
    element = {"price_components": [{"type": "ENERGY", "price": Decimal("0.25"), "step_size": 1, **(component or {})}]}
    if restrictions is not None:
        element["restrictions"] = restrictions
    return {
        "country_code": "de",
        "party_id": "LDW",
        "id": "T1",
        "currency": "EUR",
        "elements": [element],
        **changes,
    }


def cdr(**changes):
    period = {"start_date_time": "2026-10-06T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 8}]}
    return {
        "country_code": "DE",
        "party_id": "LDW",
        "id": "C1",
        "currency": "EUR",
        "charging_periods": [period],
        "start_date_time": "2026-10-06T08:00:00Z",
        "end_date_time": "2026-10-06T09:00:00Z",
        "total_cost": {"excl_vat": 2},
        "total_energy": 8,
        "total_time": 1,
        **changes,
    }


def problem_of(read, record, version="2.2.1"):
    with pytest.raises(RecordProblem) as caught:
        read(record, version)
    return caught.value


@pytest.mark.parametrize("digits", ["0.1", "12345678901234.5678", "99999999999999.9999", "1e-7", "0.30000000000000004"])
def test_json_numbers_keep_every_digit(digits):
    assert decode_json(f'{{"n": {digits}}}') == {"n": Decimal(digits)}


def test_json_integers_stay_integers():
    assert type(decode_json(b"[1]")[0]) is int


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[Infinity]", b"\xff\xfe\xfa", "[" * 100_000])
def test_what_is_not_json_is_a_problem_and_no_crash(text):
    with pytest.raises(RecordProblem) as caught:
        decode_json(text)
    assert caught.value.rule == "not_json"


def test_a_tariff_is_read_in_full():
    found = parse_tariff(
        tariff(
            {"vat": 19, "step_size": 100},
            {
                "start_time": "22:00",
                "end_time": "06:30",
                "start_date": "2026-10-01",
                "end_date": "2026-11-01",
                "min_kwh": 1,
                "max_kwh": Decimal("9.5"),
                "min_power": 11,
                "max_power": 22,
                "min_current": 16,
                "max_current": 32,
                "min_duration": 60,
                "max_duration": 3600,
                "day_of_week": ["MONDAY", "SUNDAY"],
                "reservation": "RESERVATION",
            },
            tax_included="YES",
            min_price={"before_taxes": 1, "after_taxes": Decimal("1.19")},
            start_date_time="2026-01-01T00:00:00",
        ),
        "2.3.0",
    )
    (element,), restrictions = found.elements, found.elements[0].restrictions
    assert (found.owner_id, found.tax_included, found.valid_to) == ("DE*LDW", TaxIncluded.YES, None)
    assert found.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.min_price == Price(Decimal(1), Decimal("1.19"))
    assert element.components[0].dimension is Dimension.ENERGY
    assert (element.components[0].vat_rate_pct, element.components[0].step_size) == (Decimal(19), 100)
    assert (restrictions.start_time, restrictions.end_time) == (time(22), time(6, 30))
    assert (restrictions.start_date, restrictions.end_date) == (date(2026, 10, 1), date(2026, 11, 1))
    assert (restrictions.max_kwh, restrictions.max_duration_seconds) == (Decimal("9.5"), 3600)
    assert (restrictions.min_current_a, restrictions.max_power_kw) == (Decimal(16), Decimal(22))
    assert (restrictions.days_of_week, restrictions.reservation) == ({0, 6}, "RESERVATION")


@pytest.mark.parametrize(
    ("record", "rule", "message"),
    [
        (
            tariff({"price": "abc"}),
            "wrong_type",
            "tariff elements[0].price_components[0].price: expected a number, found 'abc'",
        ),
        (
            tariff({"type": "SESSION_TIME"}),
            "unknown_component",
            None,
        ),
        (
            tariff({"step_size": -1}),
            "bad_step_size",
            "tariff elements[0].price_components[0].step_size: expected a whole number, zero or more, found -1",
        ),
        (
            tariff(restrictions={"min_soc": 80}),
            "unknown_restriction",
            "tariff elements[0].restrictions.min_soc: expected no restriction that OCPI does not know, found 80",
        ),
        (tariff(elements=[]), "empty_list", "tariff elements: expected a list of at least one, found []"),
        (
            tariff(currency="EUX"),
            "unknown_currency",
            "tariff currency: expected an ISO 4217 currency code, found 'EUX'",
        ),
        (
            tariff(start_date_time="2026-02-01T00:00:00Z", end_date_time="2026-01-01T00:00:00Z"),
            "end_before_start",
            "tariff end_date_time: expected an end after 2026-02-01T00:00:00+00:00, found '2026-01-01T00:00:00Z'",
        ),
        (
            tariff(restrictions={"start_time": "24:00"}),
            "bad_date",
            "tariff elements[0].restrictions.start_time: expected a time such as 17:30, found '24:00'",
        ),
        (tariff({"price_round": {}}), "unknown_component", None),
        (tariff({"price": True}), "wrong_type", None),
        (tariff({"vat": 101}), "number_out_of_range", None),
        (tariff(restrictions={"day_of_week": ["FUNDAY"]}), "unknown_value", None),
        (tariff(elements="none"), "wrong_type", None),
        (tariff(elements=[7]), "wrong_type", "tariff elements[0]: expected an object, found 7"),
    ],
)
def test_a_tariff_that_cannot_be_trusted_is_refused_by_name(record, rule, message):
    problem = problem_of(parse_tariff, record)
    assert problem.rule == rule
    assert message is None or str(problem) == message


def test_a_cdr_of_2_1_1_is_read_into_the_same_shape():
    record = cdr(stop_date_time="2026-10-06T09:00:00Z", auth_id="DE-NST-1", total_cost=Decimal("2.5"))
    record["location"] = {
        "id": "L1",
        "name": "Harbour",
        "city": "Kiel",
        "country": "DEU",
        "evses": [{"uid": "E1", "evse_id": "DE*LDW*E1", "connectors": [{"id": "1", "power_type": "DC"}]}],
    }
    for name in ("country_code", "party_id", "end_date_time"):
        del record[name]
    found = parse_cdr(record, "2.1.1", owner_id="de*ldw")
    assert (found.owner_id, found.contract_id, found.total_cost) == ("DE*LDW", "DE-NST-1", Price(Decimal("2.5")))
    assert (found.location_id, found.evse_uid, found.connector_id) == ("L1", "E1", "1")
    assert (found.evse_id, found.connector_power_type, found.country_alpha3) == ("DE*LDW*E1", "DC", "DEU")
    assert found.ended_at == datetime(2026, 10, 6, 9, tzinfo=UTC)


def test_several_taxes_of_2_3_0_are_added_up():
    taxes = [{"name": "GST", "amount": Decimal("0.25")}, {"name": "QST", "amount": Decimal("0.49875")}]
    found = parse_cdr(cdr(total_cost={"before_taxes": 5, "taxes": taxes}), "2.3.0")
    assert found.total_cost == Price(Decimal(5), Decimal("5.74875"))


def test_a_price_without_listed_taxes_has_no_known_amount_after_taxes():
    assert parse_cdr(cdr(total_cost={"before_taxes": 5, "taxes": []}), "2.3.0").total_cost.incl_vat is None


def test_what_had_to_be_understood_is_noted():
    record = cdr(total_energy="8.0", total_time=Decimal("0.33333333333"), end_date_time="2026-10-06T11:00:00+02:00")
    record["charging_periods"][0]["dimensions"].append({"type": "HEAT", "volume": 3})
    found = parse_cdr(record, "2.2.1")
    assert found.total_hours == Decimal("0.333333333")
    assert found.ended_at == datetime(2026, 10, 6, 9, tzinfo=UTC)
    assert found.periods[0].unknown_dimensions == ("HEAT",)
    assert set(found.notes) == {
        "cdr charging_periods[0].dimensions[1].type: unknown dimension HEAT",
        "cdr end_date_time: offset +02:00 turned into UTC",
        "cdr total_energy: number written as text '8.0'",
        "cdr total_time: 0.33333333333 rounded to 9 decimals",
    }


@pytest.mark.parametrize(
    ("changes", "rule", "message"),
    [
        ({"total_energy": "abc"}, "wrong_type", "cdr total_energy: expected a number, found 'abc'"),
        ({"total_energy": None}, "missing_field", "cdr total_energy: expected a number, found None"),
        (
            {"total_energy": Decimal("99999999999999.9999")},
            "number_out_of_range",
            "cdr total_energy: expected a number below 10^9, found 99999999999999.9999",
        ),
        ({"total_energy": "NaN"}, "wrong_type", "cdr total_energy: expected a number, found 'NaN'"),
        ({"total_energy": "1e9"}, "number_out_of_range", "cdr total_energy: expected a number below 10^9, found '1e9'"),
        ({"total_energy": "1e9999999999999999999"}, "number_out_of_range", None),
        ({"total_energy": Decimal("1e999999")}, "number_out_of_range", None),
        (
            {"start_date_time": "2026-02-30T00:00:00Z"},
            "bad_date",
            "cdr start_date_time: expected a date and time that exists, found '2026-02-30T00:00:00Z'",
        ),
        ({"start_date_time": "yesterday"}, "bad_date", None),
        ({"start_date_time": "0001-01-01T00:00:00+14:00"}, "bad_date", None),
        ({"charging_periods": []}, "empty_list", None),
        ({"credit": "yes"}, "wrong_type", "cdr credit: expected true or false, found 'yes'"),
        ({"id": ""}, "wrong_type", "cdr id: expected a text, found ''"),
        ({"tariffs": [tariff(restrictions={"x": 1})]}, "unknown_restriction", None),
    ],
)
def test_a_cdr_that_cannot_be_read_is_refused_by_name(changes, rule, message):
    problem = problem_of(parse_cdr, cdr(**changes))
    assert problem.rule == rule
    assert message is None or str(problem) == message


@pytest.mark.parametrize(
    "text",
    [
        "1_5",
        "1_0.5",
        "\u0665",
        "\uff15",
        "+5",
        ".5",
        "5.",
        "05",
        "1e",
        "0x10",
        "1 5",
        "1,5",
        "Infinity",
        "-inf",
        "sNaN",
        "-",
    ],
)
def test_a_text_that_json_would_not_read_as_a_number_is_none(text):
    problem = problem_of(parse_cdr, cdr(total_energy=text))
    assert (problem.rule, problem.field) == ("wrong_type", "total_energy")


@pytest.mark.parametrize(
    ("text", "read"), [("5.5", "5.5"), (" 5 ", "5"), ("-0.5", "-0.5"), ("1e2", "100"), ("25E-1", "2.5")]
)
def test_a_text_that_json_would_read_as_a_number_is_one_and_is_noted(text, read):
    found = parse_cdr(cdr(total_energy=text), "2.2.1")
    assert found.total_energy_kwh == Decimal(read)
    assert found.notes == (f"cdr total_energy: number written as text {text!r}",)


VAT = [{"name": "VAT", "percentage": 19, "amount": Decimal("0.95")}]


@pytest.mark.parametrize(
    ("version", "cost", "read", "note"),
    [
        ("2.2.1", {"excl_vat": 5, "incl_vat": 6}, Price(Decimal(5), Decimal(6)), None),
        ("2.3.0", {"before_taxes": 5, "taxes": VAT}, Price(Decimal(5), Decimal("5.95")), None),
        ("2.1.1", 5, Price(Decimal(5)), None),
        ("2.2.1", 5, Price(Decimal(5)), "a plain number, as only OCPI 2.1.1 has it: read as excl_vat"),
        ("2.3.0", 5, Price(Decimal(5)), "a plain number, as only OCPI 2.1.1 has it: read as before_taxes"),
        (
            "2.1.1",
            {"excl_vat": 5},
            Price(Decimal(5)),
            "an object, where OCPI 2.1.1 has a plain number: its excl_vat is read",
        ),
        (
            "2.2.1",
            {"before_taxes": 5, "taxes": VAT},
            Price(Decimal(5), Decimal("5.95")),
            "before_taxes is no field of a price in OCPI 2.2.1: read as excl_vat",
        ),
        (
            "2.3.0",
            {"excl_vat": 5, "incl_vat": 6},
            Price(Decimal(5), Decimal(6)),
            "excl_vat is no field of a price in OCPI 2.3.0: read as before_taxes",
        ),
        (
            "2.3.0",
            {"before_taxes": 5, "taxes": VAT, "excl_vat": 5},
            Price(Decimal(5), Decimal("5.95")),
            "excl_vat is no field of a price in OCPI 2.3.0: set aside",
        ),
        (
            "2.2.1",
            {"excl_vat": 5, "incl_vat": 6, "before_taxes": 7},
            Price(Decimal(5), Decimal(6)),
            "before_taxes is no field of a price in OCPI 2.2.1: set aside",
        ),
    ],
)
def test_a_price_is_read_as_its_version_writes_it_and_any_other_way_is_noted(version, cost, read, note):
    found = parse_cdr(cdr(total_cost=cost, auth_id="C"), version)
    assert found.total_cost == read
    assert found.notes == ((f"cdr total_cost: {note}",) if note else ())


def test_a_dimension_said_twice_is_refused():
    record = cdr()
    record["charging_periods"][0]["dimensions"] *= 2
    assert problem_of(parse_cdr, record).rule == "repeated_dimension"


def test_negative_energy_is_read_because_credits_and_cars_that_give_back_have_it():
    assert parse_cdr(cdr(total_energy=-8), "2.2.1").total_energy_kwh == -8


def test_an_unknown_version_is_refused():
    assert problem_of(parse_cdr, cdr(), "3.0").rule == "unsupported_version"


def test_unknown_fields_are_ignored_as_2_3_0_asks():
    assert parse_tariff(tariff(colour="green"), "2.3.0") == parse_tariff(tariff(), "2.3.0")


def test_a_record_survives_the_way_through_json():
    text = json.dumps(cdr(total_cost={"excl_vat": 2.345}))
    assert parse_cdr(decode_json(text), "2.2.1").total_cost.excl_vat == Decimal("2.345")
