"""Billing in Dagster: a month materialised from typed tables to issued documents, on a real home."""

from datetime import UTC, date, datetime
from decimal import Decimal

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.reading import parse_tariff
from models.schemas.registry import Layer
from models.types.vocabularies import TariffSource
from pipelines.commands import close as close_command
from pipelines.defs.billing.assets import (
    billed_checks,
    charges,
    close,
    ledger_checks,
    priced_checks,
    reimbursements,
    retail,
)
from pipelines.defs.billing.schedules import close_previous_month
from pipelines.defs.resources import Home
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.documents import issued_documents
from pipelines.lib.settings import load_settings
from tests.unit.billing.billing_world import OCTOBER, cdr_row, frame, verdict_row, write_master
from tests.unit.intake.little_peer import cdr
from tests.unit.receiver.left_spool import leave

ASSETS = [retail, charges, reimbursements, close, *priced_checks, *billed_checks, *ledger_checks]
PLAN_TARIFFS = """[
  {"country_code": "DE", "party_id": "NST", "id": "FLEX-AC", "currency": "EUR", "tax_included": "YES", "elements": [
    {"price_components": [{"type": "ENERGY", "price": 0.59, "step_size": 1}]},
    {"price_components": [{"type": "PARKING_TIME", "price": 3.00, "step_size": 60}],
     "restrictions": {"min_duration": 14400}}], "last_updated": "2024-01-01T00:00:00Z"},
  {"country_code": "DE", "party_id": "NST", "id": "FLEET-DC", "currency": "EUR", "tax_included": "NO", "elements": [
    {"price_components": [{"type": "ENERGY", "price": 0.55, "step_size": 1}]},
    {"price_components": [{"type": "FLAT", "price": 0.35, "step_size": 1}]}], "last_updated": "2024-01-01T00:00:00Z"}
]"""


def period(number: int, energy: str) -> dict[str, object]:
    return {
        "cdr_key": f"XX*CPO*{number:06d}",
        "period_index": 0,
        "started_at": datetime(2026, 10, 21, 6, 0, tzinfo=UTC),
        "energy_kwh": Decimal(energy),
        "charging_hours": Decimal("1.5"),
        "tariff_id": "THE-CPOS-OWN",
        "billing_month": date(2026, 10, 1),
    }


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-05T05:00:00Z")
    lake = Lake(load_settings().lake)
    cdrs = [
        cdr_row(1, "DE-NST-ANNA", total_energy_kwh=Decimal("18.25")),
        cdr_row(2, "DE-NST-ALPEN1", "FR", connector_power_type="DC", total_energy_kwh=Decimal("30.5")),
        cdr_row(3, "DE-NST-ALPEN1", is_home_charging=True, evse_id="DE*SWM*HOME1"),
        cdr_row(4, "DE-NST-NOBODY"),
    ]
    tariffs = [parse_tariff(each, "2.3.0") for each in decode_json(PLAN_TARIFFS)]
    known = datetime(2026, 11, 1, tzinfo=UTC)
    versions, components = tariff_frames([(tariff, TariffSource.PLAN, known) for tariff in tariffs])
    write_master(lake)
    lake.write(Layer.TYPED, "cdrs", frame(Layer.TYPED, "cdrs", cdrs), OCTOBER)
    periods = [period(1, "18.25"), period(2, "30.5"), period(3, "10"), period(4, "10")]
    lake.write(Layer.TYPED, "charging_periods", frame(Layer.TYPED, "charging_periods", periods), OCTOBER)
    lake.write(Layer.TYPED, "tariff_versions", versions)
    lake.write(Layer.TYPED, "tariff_components", components)
    lake.write(
        Layer.MATCHED, "verdicts", frame(Layer.MATCHED, "verdicts", [verdict_row(n) for n in range(1, 5)]), OCTOBER
    )
    return lake


def run() -> dg.ExecuteInProcessResult:
    return dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10")


def test_a_month_is_priced_charged_and_closed_under_its_contracts(lake):
    result = run()
    assert result.success
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    assert len(result.get_asset_check_evaluations()) == 8

    rated = lake.read(Layer.PRICED, "retail_cdrs", OCTOBER)
    assert rated["cdr_key"].to_list() == ["XX*CPO*000001", "XX*CPO*000002"], "home and unknown contracts have no price"
    assert rated["total_incl_vat"][0] == Decimal("10.7675")  # 18.25 x 0.59
    assert rated["total_excl_vat"][1] == Decimal("17.125")  # 30.5 x 0.55 + 0.35

    rows = {row["charge_id"]: row for row in lake.read(Layer.BILLED, "charges", OCTOBER).to_dicts()}
    assert rows["S:XX*CPO*000001"]["gross_amount"] == Decimal("10.77")
    assert rows["S:XX*CPO*000002"]["net_amount"] == Decimal("17.13")
    assert rows["S:XX*CPO*000004"]["outcome"] == "review"

    documents = lake.read(Layer.LEDGER, "documents")
    assert documents["kind"].value_counts().sort("kind").rows() == [
        ("invoice", 5),
        ("monthly_bill", 4),
        ("reimbursement_statement", 1),
    ]
    (metadata,) = [m.metadata for m in result.asset_materializations_for_node("billed__charges")]
    assert metadata["review"].value == 1


def test_running_the_month_again_issues_nothing_new(lake):
    run()
    before = [lake.read(Layer.LEDGER, name) for name in ("documents", "document_lines", "document_vat", "closes")]
    run()
    after = [lake.read(Layer.LEDGER, name) for name in ("documents", "document_lines", "document_vat", "closes")]
    assert all(left.equals(right) for left, right in zip(before, after, strict=True))


def test_nothing_is_issued_while_an_acknowledged_cdr_is_not_in_the_lake(lake, tmp_path):
    segment = leave(tmp_path, cdr())
    refused = dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10", raise_on_error=False)
    assert not refused.success
    failure = refused.failure_data_for_node("close")
    assert failure is not None
    said = "2026-10 cannot be closed: 1 acknowledged push waits"
    assert said in str(failure.error)
    with pytest.raises(UserError, match=said):
        close_command.run("2026-10", Console(quiet=True), dry_run=False)
    with Register(load_settings().register).reading() as tx:
        assert issued_documents(tx) == []
    segment.unlink()
    assert run().success
    leave(tmp_path, cdr())
    assert run().success, "a month that is closed stays closed, whatever comes later"


def test_a_broken_contract_stops_the_close_in_its_run(lake, monkeypatch):
    def write_twice(self, layer, name, table, month=None, original=Lake.write):
        doubled = pl.concat([table, table]) if name == "charges" else table
        return original(self, layer, name, doubled, month)

    monkeypatch.setattr(Lake, "write", write_twice)
    result = dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10", raise_on_error=False)
    assert not result.success
    with Register(load_settings().register).transaction() as tx:
        assert issued_documents(tx) == []


def test_the_schedule_asks_for_the_previous_month_once(lake):
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 5, 5, 0, tzinfo=UTC))
    request = close_previous_month(context, home=Home())
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-10"
    run()
    assert isinstance(close_previous_month(context, home=Home()), dg.SkipReason)
