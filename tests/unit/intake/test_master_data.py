"""The eMSP's own books are read exactly, and every contradiction in them is named by file, line and remedy."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.schemas.registry import TABLES, Layer
from pipelines.lib.errors import UserError
from pipelines.lib.master_data import alpha2_by_alpha3, load_master, plan_tariff_frames

ADDRESS = "Weg 1,10115,Berlin,DE"
FILES = {
    "legal_entities": f"nst,Nordstern,{ADDRESS},HRB 1,a@b.c,+49,n.example,DE00,XXX,Bank,EUR,Europe/Berlin,DE*NST",
    "vat_registrations": "nst,DE,DE123456789,true,2020-01-01,",
    "accounts": f"a1,consumer,Ada,{ADDRESS},a@b.c,de,EUR,false,14,nst,2024-01-01,",
    "plans": "flex,Flex,true,7.99,contract,EUR,2024-01-01,",
    "plan_tariffs": "flex,AC,FLEX-AC\nflex,DC,FLEX-DC",
    "contracts": "DENSTC1,a1,flex,,,,2024-01-01,2026-12-31",
    "agreements": "DE*LDW,Ladewerk,DE,EUR,0.01,0.5,60,de,2023-01-01,,hour_snapping=whole_seconds,late_days=14",
}


def plan_tariff(name):
    element = {"price_components": [{"type": "ENERGY", "price": 0.59, "step_size": 1}]}
    owner = {"country_code": "DE", "party_id": "NST", "id": name, "currency": "EUR", "tax_included": "YES"}
    return owner | {"elements": [element], "last_updated": "2026-01-01T00:00:00Z"}


@pytest.fixture
def folder(tmp_path):
    for table in TABLES:
        if table.layer == Layer.MASTER and table.name in FILES:
            write(tmp_path, table.name, FILES[table.name])
    (tmp_path / "plan_tariffs.json").write_text(json.dumps([plan_tariff("FLEX-AC"), plan_tariff("FLEX-DC")]))
    return tmp_path


def write(folder, name, body):
    header = next(",".join(each.schema) for each in TABLES if each.name == name and each.layer == Layer.MASTER)
    (folder / f"{name}.csv").write_text(f"{header}\n{body}\n")


def complaint(folder):
    with pytest.raises(UserError) as error:
        load_master(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_table_is_there_with_exact_values(folder):
    tables = load_master(folder)
    assert set(tables) == {table.name for table in TABLES if table.layer == Layer.MASTER}
    assert tables["plans"]["monthly_fee"].to_list() == [Decimal("7.99")]
    assert tables["agreements"]["tolerance_pct"].to_list() == [Decimal("0.5")]
    assert tables["contracts"].row(0)[-2:] == (date(2024, 1, 1), date(2026, 12, 31))
    assert tables["vehicles"].is_empty()
    for table in (each for each in TABLES if each.layer == Layer.MASTER):
        table.contract.validate(tables[table.name], lazy=True)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("plans", FILES["plans"].replace("7.99", "7.999"), "line 2, column monthly_fee: expected a number"),
        ("plans", FILES["plans"].replace("7.99", "7_99"), "line 2, column monthly_fee: expected a number"),
        ("plans", FILES["plans"].replace("7.99", "7,99"), "9 cells instead of 8"),
        ("plans", FILES["plans"].replace("true", "yes"), "column is_gross_price_list: expected true or false"),
        ("plans", FILES["plans"].replace("contract", "vehicle"), "column fee_basis: expected one of contract"),
        ("plans", FILES["plans"].replace("2024-01-01", "1.1.2024"), "expected a date such as 2026-10-01"),
        ("plans", FILES["plans"].replace("EUR", "EURO"), "currency 'EURO' is no ISO 4217 code"),
        ("plans", f"{FILES['plans']}\n{FILES['plans']}", "plan_id flex stands in more than one line"),
        ("accounts", FILES["accounts"].replace(",14,", ",2w,"), "payment_terms_days: expected a whole number"),
        ("accounts", FILES["accounts"].replace("a1,", ",", 1), "account_id: expected a value"),
        ("contracts", FILES["contracts"].replace("a1", "a2"), "account_id a2 is not in accounts.csv"),
        ("contracts", FILES["contracts"].replace("flex", "lux"), "plan_id lux is not in plans.csv"),
        ("contracts", FILES["contracts"].replace("2026-12-31", "2023-12-31"), "which is never"),
        ("plan_tariffs", "flex,AC,FLEX-AC", "plan flex names no tariff for DC: add a line flex,DC,<tariff_id> to"),
        ("plan_tariffs", "flex,AC,GONE\nflex,DC,FLEX-DC", "plan flex names tariff GONE for AC"),
        ("legal_entities", FILES["legal_entities"].replace("Europe/Berlin", "CET+1"), "no IANA zone"),
        ("agreements", FILES["agreements"].replace(",DE,", ",UK,"), "country 'UK' is no ISO 3166-1"),
        (
            "agreements",
            FILES["agreements"].replace("whole_seconds", "minutes"),
            "rating_policy of DE*LDW: hour_snapping cannot be 'minutes': it is one of none, whole_seconds",
        ),
        (
            "agreements",
            FILES["agreements"].replace("late_days=14", "late_days=soon"),
            "rule_thresholds of DE*LDW: late_days must be a whole number of at least 0, found 'soon'",
        ),
    ],
)
def test_a_fault_is_one_line_that_names_it(folder, name, body, said):
    write(folder, name, body)
    assert said in complaint(folder)


def test_nothing_is_nothing_however_it_is_written(folder):
    write(folder, "plans", FILES["plans"].replace("7.99", "0e400"))
    assert load_master(folder)["plans"]["monthly_fee"].to_list() == [Decimal(0)]


def test_a_missing_file_and_a_missing_folder_are_named(folder):
    (folder / "accounts.csv").unlink()
    assert "accounts.csv is missing: create it with the columns account_id,kind," in complaint(folder)
    assert "does not exist" in complaint(folder / "nowhere")


def test_a_wrong_header_is_named(folder):
    (folder / "accounts.csv").write_text("account_id,kind\n")
    assert "the header lacks name, street" in complaint(folder)


def test_plan_tariffs_are_versions_known_since_ever(folder):
    versions, components = plan_tariff_frames(folder)
    assert versions["source"].to_list() == ["plan", "plan"]
    assert versions["known_from"].unique().to_list() == [datetime(2000, 1, 1, tzinfo=UTC)]
    assert components["unit_price"].to_list() == [Decimal("0.59")] * 2


def test_a_bad_plan_tariff_is_named(folder):
    (folder / "plan_tariffs.json").write_text(json.dumps([plan_tariff("FLEX-AC") | {"currency": "?"}]))
    with pytest.raises(UserError, match=r"entry 0 \(FLEX-AC\): tariff currency: expected an ISO 4217"):
        plan_tariff_frames(folder)


def test_every_country_has_one_code_of_each_length():
    codes = alpha2_by_alpha3()
    assert (codes["DEU"], codes["NLD"], codes["DNK"], codes["FR"]) == ("DE", "NL", "DK", "FR")
    assert len({alpha2 for alpha3, alpha2 in codes.items() if len(alpha3) == 3}) == 249
