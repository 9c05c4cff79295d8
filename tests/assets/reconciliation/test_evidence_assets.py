"""Evidence packs in Dagster: a reconciled month has the file of every disputed CDR, with the numbers of its tables."""

import json

import dagster as dg
import polars as pl
import pytest

from models.schemas.registry import Layer
from pipelines.defs.rating import assets as rating
from pipelines.defs.reconciliation import assets as reconciliation
from pipelines.defs.reconciliation.evidence_assets import evidence_packs
from pipelines.defs.resources import Home
from tests.assets.reconciliation.claims_home import claims_home

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


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home whose CDR that claims too much has a hostile id, and the folder of its packs."""
    monkeypatch.setenv("ROAMLEDGER_WORKERS", "1")
    lake, _ = claims_home(tmp_path, monkeypatch, high="../HIGH")
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
    assert (high["case"]["payable"], high["case"]["deadline_on"]) == ("3.00", None)
    assert [row["amount_excl_vat"] for row in high["recomputation"]["rows"]] == ["3.000000000000"]
    assert [(each["rule_id"], each["amount_at_stake"]) for each in high["findings"]] == [("R21", "1.25")]
    assert [each["unit_price"] for each in high["tariffs"][0]["prices"]] == ["0.600000000"]
    assert (alone["authorization"]["match_kind"], alone["case"]["claimed"]) == ("none", "3.00")
    assert alone["received"]["problem"] == "record 0 of page 0 is not in the raw store"
    disputes = lake.read(Layer.LEDGER, "disputes").select("case_id", pl.col("held_excl_vat").cast(pl.String)).rows()
    assert dict(disputes) == {key: pack["case"]["held"] for key, pack in packs.items()}
    # The same again writes nothing, and PDFs come where settings ask for them.
    monkeypatch.setenv("ROAMLEDGER_EVIDENCE_PDFS", "true")
    assert materialise() == {"packs": 2, "written": 0, "moved_in_other_months": 0, "rendered": 2, "without_record": 2}
    assert sorted(file.suffix for file in folder.iterdir()) == [".json", ".json", ".pdf", ".pdf"]


def _bytes(file):
    return file.read_bytes()
