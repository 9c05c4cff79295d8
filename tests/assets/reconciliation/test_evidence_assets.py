"""Evidence packs in Dagster: a reconciled month has the file of every disputed CDR, with the numbers of its tables."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
import polars as pl
import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.reading import parse_tariff
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import TariffSource
from pipelines.defs.rating import assets as rating
from pipelines.defs.reconciliation import assets as reconciliation
from pipelines.defs.reconciliation.evidence_assets import evidence_packs
from pipelines.defs.resources import Home
from pipelines.lib.lake import Lake
from pipelines.lib.settings import load_settings
from tests.unit.reconciliation.roaming_world import START, World, rows_of

OCTOBER = BillingMonth(2026, 10)
ASSETS = [
    rating.wholesale,
    reconciliation.matches,
    reconciliation.record_outcomes,
    reconciliation.expected,
    reconciliation.findings,
    reconciliation.verdicts,
    reconciliation.disputes,
    evidence_packs,
]
TARIFF = """{"country_code": "DE", "party_id": "LDW", "id": "T-AC", "currency": "EUR", "elements": [
  {"price_components": [{"type": "ENERGY", "price": 0.60, "vat": 19, "step_size": 1}]}],
  "last_updated": "2026-01-01T00:00:00Z"}"""
COMPANY = {
    "legal_entity_id": "nst",
    **dict.fromkeys(("name", "street", "postal_code", "city", "registration_number", "email", "phone", "website"), "x"),
    **dict.fromkeys(("iban", "bic", "bank_name"), "x"),
    "country": "DE",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "ocpi_party_id": "DE*NST",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with 5 kWh at 0.60 EUR three times: claimed right, too high under a hostile id, and never authorized."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-04T23:30:00Z")
    monkeypatch.setenv("ROAMLEDGER_WORKERS", "1")
    read = parse_tariff(decode_json(TARIFF), "2.2.1")
    versions, components = tariff_frames([(read, TariffSource.PUBLISHED, datetime(2026, 11, 1, tzinfo=UTC))])
    world = World()
    carried = {"tariff_version_ids": versions["tariff_version_id"].to_list()}
    world.cdr("RIGHT", **carried)
    world.cdr("../HIGH", started_at=START + timedelta(days=1), total_cost_excl_vat=Decimal("4.25"), **carried)
    world.cdr("ALONE", started_at=START + timedelta(days=2), authorized=False, **carried)
    lake = Lake(load_settings().lake)
    lake.write(Layer.TYPED, "tariff_versions", versions)
    lake.write(Layer.TYPED, "tariff_components", components)
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [COMPANY]))
    lake.write(Layer.MASTER, "agreements", rows_of(Layer.MASTER, "agreements", world.agreements))
    for name in ("connectors", "tokens"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)))
    for name in ("cdrs", "authorizations"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)), OCTOBER)
    lake.write(Layer.TYPED, "charging_periods", rows_of(Layer.TYPED, "charging_periods", world.periods), OCTOBER)
    return lake, tmp_path / "documents" / "2026-10" / "disputes"


def materialise():
    result = dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10")
    assert result.success
    (event,) = (e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "evidence_packs")
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items() if name != "folder"}


def test_every_disputed_cdr_has_its_pack_and_doing_it_again_writes_nothing(home, monkeypatch):
    lake, folder = home
    assert materialise() == {"packs": 2, "written": 2, "moved_in_other_months": 0, "rendered": 0, "without_record": 2}
    packs = {pack["case"]["case_id"]: pack for pack in map(json.loads, map(_bytes, sorted(folder.iterdir())))}
    assert sorted(packs) == ["DE*LDW*../HIGH", "DE*LDW*ALONE"]
    high, alone = packs["DE*LDW*../HIGH"], packs["DE*LDW*ALONE"]
    assert [high["recomputation"][name] for name in ("claimed_excl_vat", "recomputed_excl_vat")] == [
        "4.250000000",
        "3.00",
    ]
    assert (high["recomputation"]["difference_excl_vat"], high["case"]["held"]) == ("1.25", "1.25")
    assert (high["case"]["payable"], high["case"]["deadline_on"]) == ("3.00", "2027-01-04")
    assert [row["amount_excl_vat"] for row in high["recomputation"]["rows"]] == ["3.000000000000"]
    assert [(each["rule_id"], each["amount_at_stake"]) for each in high["findings"]] == [("R21", "1.25")]
    assert [each["unit_price"] for each in high["tariffs"][0]["prices"]] == ["0.600000000"]
    assert (alone["authorization"]["match_kind"], alone["case"]["claimed"]) == ("none", "3.00")
    assert "no record 0 on a raw page 0" in alone["received"]["problem"]
    disputes = lake.read(Layer.LEDGER, "disputes").select("case_id", pl.col("held_excl_vat").cast(pl.String)).rows()
    assert dict(disputes) == {key: pack["case"]["held"] for key, pack in packs.items()}
    # The same again writes nothing, and PDFs come where settings ask for them.
    monkeypatch.setenv("ROAMLEDGER_EVIDENCE_PDFS", "true")
    assert materialise() == {"packs": 2, "written": 0, "moved_in_other_months": 0, "rendered": 2, "without_record": 2}
    assert sorted(file.suffix for file in folder.iterdir()) == [".json", ".json", ".pdf", ".pdf"]


def _bytes(file):
    return file.read_bytes()
