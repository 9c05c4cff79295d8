"""The files of a world: books that the product accepts, numbers with right check digits, the same bytes twice."""

import csv

import msgspec
import polars as pl
import pytest
from schwifty import IBAN
from stdnum.eu import vat
from stdnum.iso7064 import mod_37_36

from pipelines.lib.master_data import load_master, plan_tariff_frames
from pipelines.lib.settings import Connection
from pipelines.sandbox.connections import connections_at, settings_toml
from pipelines.sandbox.files import write_master, write_truth, write_world
from pipelines.sandbox.wire import wire_modules


@pytest.fixture(scope="module")
def master(small_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("books") / "master"
    write_master(small_world, folder)
    return folder, load_master(folder)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_product_accepts_the_books(master):
    folder, tables = master
    assert tables["accounts"].height == 38
    assert tables["contracts"].height == 36 + 16
    assert tables["contracts"].filter(pl.col("cost_centre").is_not_null()).height == 16
    assert tables["home_chargers"].group_by("basis").len().sort("basis").rows() == [
        ("contract_price", 3),
        ("reference_flat", 3),
    ]
    versions, components = plan_tariff_frames(folder)
    assert (versions.height, components.height) == (6, 9)


def test_vat_numbers_and_accounts_have_right_check_digits(master):
    _, tables = master
    for table in ("vat_registrations", "account_vat_ids"):
        assert all(vat.is_valid(number) for number in tables[table]["vat_id"])
    for number in [*tables["drivers"]["iban"], *tables["legal_entities"]["iban"]]:
        assert IBAN(number).is_valid


def test_contract_ids_are_distinct_and_carry_their_check_character(master):
    ids = master[1]["contracts"]["contract_id"]
    assert ids.n_unique() == ids.len()
    assert ids.str.contains(r"^DE-NST-C\d{8}-[0-9A-Z]$").all()
    assert all(mod_37_36.is_valid(text.replace("-", "")) for text in ids)


def test_the_books_know_every_token_and_wallbox_of_the_wire(small_world, master):
    _, tables = master
    tokens = [msgspec.json.decode(each.body) for each in wire_modules(small_world)["emsp", "tokens"]]
    assert {token["contract_id"] for token in tokens} == set(tables["contracts"]["contract_id"])
    homes = {c.cdr.evse_id for c in small_world.cdrs if c.cdr.is_home_charging}
    assert homes
    assert homes <= set(tables["home_chargers"]["evse_id"])
    assert {c.cdr.owner_id for c in small_world.cdrs} <= set(tables["agreements"]["cpo_id"])


def test_writing_twice_gives_the_same_bytes(small_world, tmp_path):
    for name in ("one", "two"):
        write_world(small_world, tmp_path / name)
    one, two = (sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("one", "two"))
    assert [p.relative_to(tmp_path / "one") for p in one] == [p.relative_to(tmp_path / "two") for p in two]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_truth_tables_have_a_row_for_every_record(small_world, tmp_path):
    write_truth(small_world, tmp_path)
    cdrs = rows(tmp_path / "cdrs.csv")
    assert len(cdrs) == len(small_world.cdrs)
    assert set(cdrs[0]) == {"cdr_key", "billing_month", "faults", "right_wholesale_excl_vat", "expected_verdict"}
    assert len({row["cdr_key"] for row in cdrs}) == len(cdrs)
    assert {row["expected_rule"] for row in rows(tmp_path / "rejects.csv")} == {
        "missing_field",
        "unknown_currency",
        "negative_energy",
        "bad_date",
    }


def test_the_settings_file_declares_what_the_server_serves():
    connections = connections_at("http://127.0.0.1:8770")
    declared = msgspec.toml.decode(settings_toml(connections))["connections"]
    assert [Connection(**each) for each in declared] == list(connections)
    assert [c.kind for c in connections] == ["cpo", "cpo", "cpo", "cpo", "hub", "platform"]
    assert connections[4].parties == ("BE*CHB", "FR*RCH", "DE*EIC")
