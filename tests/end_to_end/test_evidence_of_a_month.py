"""After two real months every disputed CDR has its evidence, and its numbers are the register's and the warehouse's."""

import json
from decimal import Decimal

import duckdb
import pytest

from models.schemas.registry import Layer
from pipelines.lib.lake import Lake

pytestmark = pytest.mark.slow
AMOUNTS = ("claimed", "payable", "held", "conceded")


@pytest.fixture(scope="module")
def packs(company):
    files = (company.home / "documents").glob("*/disputes/*.json")
    read = [json.loads(file.read_bytes()) for file in files]
    return {pack["case"]["case_id"]: pack for pack in read}


def number(text):
    return None if text is None else Decimal(text)


def test_every_held_cdr_has_its_pack_with_the_bytes_that_the_cpo_sent(company, packs):
    verdicts = Lake(str(company.home / "lake")).read_months(Layer.MATCHED, "verdicts")
    held = {row["cdr_key"]: row for row in verdicts.to_dicts() if row["verdict"] != "accept"}
    assert set(held) <= set(packs)
    assert len(held) > 10
    for key, row in held.items():
        price, received = packs[key]["recomputation"], packs[key]["received"]
        assert number(price["claimed_excl_vat"]) == row["claimed_excl_vat"]
        assert number(price["recomputed_excl_vat"]) == row["recomputed_excl_vat"]
        assert json.loads(received["record"])["id"] == packs[key]["claim"]["cdr_id"]


def test_its_numbers_are_those_of_the_warehouse(company, packs):
    with duckdb.connect(str(company.home / "warehouse" / "warehouse.duckdb"), read_only=True) as con:
        rows = {row["case_id"]: row for row in con.table("fct_disputes").pl().to_dicts()}
    assert set(rows) == set(packs)
    for key, row in rows.items():
        case = packs[key]["case"]
        assert case["status"] == row["state"]
        assert [number(case[name]) for name in AMOUNTS] == [row[f"{name}_excl_vat"] for name in AMOUNTS]


def test_the_command_gives_one_case_as_json_and_pdf(company, packs, tmp_path):
    case = min(packs)
    company.run("disputes", "pack", case, "--output", str(tmp_path))
    json_file, pdf_file = sorted(tmp_path.iterdir())
    assert json.loads(json_file.read_bytes()) == packs[case]
    assert pdf_file.read_bytes().startswith(b"%PDF")
