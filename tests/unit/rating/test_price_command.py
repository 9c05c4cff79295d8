"""`roamledger price`: one answer a line, in order; a bad line says what is wrong with it and stops nothing."""

import io
import json

import pytest
from rich.console import Console

from pipelines.commands import price
from pipelines.lib.errors import UserError

TARIFF = {
    "country_code": "DE",
    "party_id": "LDW",
    "id": "T1",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3333, "vat": 19, "step_size": 1}]}],
}
PERIOD = {"start_date_time": "2026-10-06T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 7.777}]}
CDR = {
    "start_date_time": "2026-10-06T08:00:00Z",
    "end_date_time": "2026-10-06T09:00:00Z",
    "currency": "EUR",
    "charging_periods": [PERIOD],
}


def line(name="good", tariff=TARIFF, cdr=CDR, **changes):
    whole = {"id": name, "ocpi_version": "2.2.1", "timezone": "Europe/Berlin", "tariffs": [tariff], "cdr": cdr}
    return json.dumps({**whole, **changes})


def answers(tmp_path, texts, code):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(texts))
    assert price.run(source, explain=False, output=target, console=Console(quiet=True)) == code
    return [json.loads(text) for text in target.read_text().splitlines()]


def test_a_price_is_given_as_decimal_text_unrounded(tmp_path):
    (answer,) = answers(tmp_path, [line()], code=0)
    assert answer == {
        "id": "good",
        "currency": "EUR",
        "total_cost": {"excl_vat": "2.5920741", "incl_vat": "3.084568179"},
        "total_energy_cost": {"excl_vat": "2.5920741", "incl_vat": "3.084568179"},
        "total_time_cost": {"excl_vat": "0", "incl_vat": "0"},
        "total_parking_cost": {"excl_vat": "0", "incl_vat": "0"},
        "total_fixed_cost": {"excl_vat": "0", "incl_vat": "0"},
        "total_reservation_cost": {"excl_vat": "0", "incl_vat": "0"},
        "billed_energy": "7.777",
        "billed_time": "0",
        "billed_parking_time": "0",
        "notes": [],
    }


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_what_a_line_leaves_out_is_not_remarked_upon(tmp_path, version):
    (answer,) = answers(tmp_path, [line(ocpi_version=version)], code=0)
    assert not [note for note in answer["notes"] if "total_cost" in note]


BAD = {
    "not json": ("{", "line 2: expected JSON"),
    "not an object": ("[1]", "line 2: expected an object"),
    "no id": ("{}", "line 2: line id: expected a text, found nothing"),
    "version": (line("bad", ocpi_version="1.6"), "expected one of 2.1.1, 2.2.1, 2.3.0, found '1.6'"),
    "zone": (line("bad", timezone="Mars/Olympus"), "expected an IANA time zone such as Europe/Berlin"),
    "path as zone": (line("bad", timezone="../../etc/passwd"), "expected an IANA time zone such as Europe/Berlin"),
    "no cdr": (line("bad", cdr=None), "line cdr: expected an object, found None"),
    "price": (
        line("bad", TARIFF | {"elements": [{"price_components": [{"type": "ENERGY", "price": "x", "step_size": 1}]}]}),
        "tariff elements[0].price_components[0].price: expected a number, found 'x'",
    ),
    "currency": (line("bad", TARIFF | {"currency": "DKK"}), "a tariff has another currency than the session"),
    "no tariff": (line("bad", tariffs=[]), "no tariff is known for the session"),
    "expired tariff": (
        line("bad", TARIFF | {"end_date_time": "2026-01-01T00:00:00Z"}),
        "no tariff of the session is valid at its start",
    ),
    "unknown tariff": (
        line("bad", cdr=CDR | {"charging_periods": [PERIOD | {"tariff_id": "T2"}]}),
        "a charging period names a tariff that is not among the session's tariffs",
    ),
    "end before start": (
        line("bad", cdr=CDR | {"end_date_time": "2026-10-06T07:00:00Z"}),
        "the session ends before it starts",
    ),
    "too large": (
        line("bad", cdr=CDR | {"charging_periods": [PERIOD | {"dimensions": [{"type": "ENERGY", "volume": 100001}]}]}),
        "a volume, price or amount is too large to be priced exactly",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_line_says_why_and_the_others_are_priced(tmp_path, text, reason):
    first, bad, last = answers(tmp_path, [line("first"), text, line("last")], code=1)
    assert reason in bad["error"]
    assert bad["id"] in {"bad", None}
    assert first["total_cost"] == last["total_cost"] == {"excl_vat": "2.5920741", "incl_vat": "3.084568179"}
    assert (first["id"], last["id"]) == ("first", "last")


def test_the_tariffs_inside_a_cdr_price_it_where_the_line_has_none(tmp_path):
    (answer,) = answers(tmp_path, [line(tariffs=[], cdr=CDR | {"tariffs": [TARIFF]})], code=0)
    assert answer["total_cost"]["excl_vat"] == "2.5920741"


def test_a_huge_amount_is_declined_and_never_wrong(tmp_path):
    dear = TARIFF | {"elements": [{"price_components": [{"type": "ENERGY", "price": 999999999, "step_size": 1}]}]}
    (answer,) = answers(tmp_path, [line(tariff=dear)], code=1)
    assert answer["error"] == "a volume, price or amount is too large to be priced exactly"


def test_an_empty_file_has_no_answers(tmp_path):
    assert answers(tmp_path, [""], code=0) == []


def test_without_a_file_the_answers_go_to_standard_output(tmp_path, capsys):
    source = tmp_path / "in.jsonl"
    source.write_text(line())
    assert price.run(source, explain=False, output=None, console=Console(quiet=True)) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "good"


def test_the_story_names_tariff_component_price_and_amount(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(line() + "\n" + line("bad", tariffs=[]))
    console = Console(file=io.StringIO(), width=120)
    assert price.run(source, explain=True, output=None, console=console) == 1
    story = console.file.getvalue()
    for part in ("tariff T1", "ENERGY", "Tue 10:00:00", "0.0", "7.777", "0.3333", "2.5920741", "3.084568179", "policy"):
        assert part in story
    assert "bad: no tariff is known for the session" in story


def test_a_missing_file_is_one_line_for_the_user(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        price.run(tmp_path / "none.jsonl", explain=False, output=None, console=Console(quiet=True))
