"""A home with a month of three claims, ready to be materialised."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.reading import parse_tariff
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import TariffSource
from pipelines.lib.lake import Lake
from pipelines.lib.settings import load_settings
from tests.unit.reconciliation.roaming_world import COMPANY, START, World, rows_of

OCTOBER = BillingMonth(2026, 10)
TARIFF = """{"country_code": "DE", "party_id": "LDW", "id": "T-AC", "currency": "EUR", "elements": [
  {"price_components": [{"type": "ENERGY", "price": 0.60, "vat": 19, "step_size": 1}]}],
  "last_updated": "2026-01-01T00:00:00Z"}"""


def claims_home(folder, monkeypatch, high="HIGH"):
    """Give lake and world with 5 kWh at 0.60 EUR three times: claimed right, too high, and never authorized."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(folder))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-04T23:30:00Z")
    versions, components = tariff_frames(
        [(parse_tariff(decode_json(TARIFF), "2.2.1"), TariffSource.PUBLISHED, datetime(2026, 11, 1, tzinfo=UTC))]
    )
    world = World()
    carried = {"tariff_version_ids": versions["tariff_version_id"].to_list()}
    world.cdr("RIGHT", **carried)
    world.cdr(high, started_at=START + timedelta(days=1), total_cost_excl_vat=Decimal("4.25"), **carried)
    world.cdr("ALONE", started_at=START + timedelta(days=2), authorized=False, **carried)
    lake = Lake(load_settings().lake)
    lake.write(Layer.TYPED, "tariff_versions", versions)
    lake.write(Layer.TYPED, "tariff_components", components)
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [COMPANY]))
    lake.write(Layer.MASTER, "agreements", rows_of(Layer.MASTER, "agreements", world.agreements))
    for name in ("connectors", "tokens"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)))
    write_month(lake, world)
    return lake, world


def write_month(lake, world):
    """Write what the world says of October."""
    by_month = {"cdrs": world.cdrs, "charging_periods": world.periods, "authorizations": world.authorizations}
    for name, rows in by_month.items():
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, rows), OCTOBER)
