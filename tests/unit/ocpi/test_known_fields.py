"""Unknown fields are named where they stand, and a slip of the pen is told from an extension."""

import json

import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.known_fields import find_unknown, near_miss, unknown_fields
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr, parse_tariff
from tests.unit.intake.little_peer import cdr, location, session, tariff

COMPONENT = {"type": "ENERGY", "price": 1, "step_size": 1}
NIGHT = {"start_time": "22:00", "end_time": "06:00"}


@pytest.mark.parametrize(
    ("module", "record"),
    [("cdrs", cdr()), ("tariffs", tariff()), ("sessions", session()), ("locations", location())],
)
def test_a_record_as_ocpi_wants_it_has_no_unknown_field(module, record):
    assert unknown_fields(module, "2.2.1", record) == ()


def test_a_misspelt_field_says_what_was_probably_meant():
    misspelt = tariff(elements=[{"price_components": [COMPONENT], "restriction": NIGHT}])
    assert unknown_fields("cdrs", "2.2.1", cdr(tariffs=[misspelt, misspelt])) == (
        "tariffs[].elements[].restriction (did they mean restrictions?)",
    )


def test_a_field_of_another_version_and_an_extension_are_told_apart():
    component = COMPONENT | {"vat": 19, "price_round": {"round_granularity": "UNIT"}}
    older = tariff(elements=[{"price_components": [component]}])
    found = {field.path: field for field in find_unknown("tariffs", "2.1.1", older)}
    assert found["elements[].price_components[].vat"].known_in == "2.3.0"
    assert found["elements[].price_components[].price_round"].is_extension
    assert found["country_code"].known_in == "2.3.0"


def test_null_says_nothing_and_a_module_without_vocabulary_is_let_pass():
    assert unknown_fields("tariffs", "2.2.1", tariff(extra=None)) == ()
    assert unknown_fields("chargingprofiles", "2.2.1", {"anything": 1}) == ()


def test_where_a_list_or_object_is_expected_anything_is_looked_at_without_a_crash():
    odd = cdr(tariffs=7, cdr_token=[1], charging_periods=[None, {"dimension": 1}], cdr_location="here")
    assert unknown_fields("cdrs", "2.2.1", odd) == ("charging_periods[].dimension (did they mean dimensions?)",)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("restriction", "restrictions"),
        ("restrictionss", "restrictions"),
        ("resrtictions", "restrictions"),
        ("resttictions", "restrictions"),
        ("priceComponents", "price_components"),
        ("price-components", "price_components"),
        ("VAT", "vat"),
        ("var", None),
        ("pricing", None),
        ("restrict", None),
    ],
)
def test_one_edit_away_is_a_slip_and_two_are_not(name, meant):
    assert near_miss(name, frozenset({"restrictions", "price_components", "vat"})) == meant


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"elements": [{"price_components": [COMPONENT], "restriction": NIGHT}]}, "elements[0].restriction"),
        ({"elements": [{"price_components": [COMPONENT | {"VAT": 19}]}]}, "elements[0].price_components[0].VAT"),
        ({"maxprice": {"excl_vat": 3}}, "maxprice"),
        ({"end_datetime": "2026-10-01T00:00:00Z"}, "end_datetime"),
    ],
)
def test_a_tariff_whose_price_hangs_on_a_misspelt_field_is_refused(changes, field):
    for read in (
        lambda: parse_tariff(decode_json(json.dumps(tariff(**changes))), "2.2.1"),
        lambda: parse_cdr(decode_json(json.dumps(cdr(tariffs=[tariff(**changes)]))), "2.2.1"),
    ):
        with pytest.raises(RecordProblem) as problem:
            read()
        assert problem.value.rule == "misspelt_field"
        assert problem.value.field.endswith(field)


def test_an_unknown_field_beside_the_right_one_and_a_null_are_no_slip():
    both = {"price_components": [COMPONENT], "restrictions": NIGHT, "restriction": NIGHT}
    assert parse_tariff(tariff(elements=[both]), "2.2.1").elements[0].restrictions.start_time is not None
    assert parse_tariff(tariff(elements=[{"price_components": [COMPONENT], "restriction": None}]), "2.2.1")
