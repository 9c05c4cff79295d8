"""What-if and quotes on a month of the sandbox, worked through by the assets: what must hold whatever the figures."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
import polars as pl
import pytest

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.defs.billing.assets import charges, retail
from pipelines.defs.rating.assets import wholesale
from pipelines.defs.reconciliation.assets import findings, matches, verdicts
from pipelines.defs.resources import Home
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.quotes import DEFAULT_SESSIONS, price_catalogue, read_profile, read_start
from pipelines.lib.register import Register
from pipelines.lib.settings import load_settings
from pipelines.lib.what_if import effects_by, not_compared, read_tariff_file, reprice_by_plan, reprice_by_tariff
from pipelines.sandbox.files import write_master
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import build_world

OCTOBER = BillingMonth(2026, 10)
NOW = "2026-11-05T06:00:00+00:00"


@pytest.fixture(scope="module")
def world():
    return build_world(7, 200, OCTOBER)


@pytest.fixture(scope="module")
def home(world, tmp_path_factory):
    """Give a home in which October was pulled, priced, judged and charged."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment, SandboxServer(world) as server:
        for name, value in {"ROAMLEDGER_HOME": str(folder), "ROAMLEDGER_NOW": NOW, **server.tokens()}.items():
            environment.setenv(name, value)
        write_master(world, folder / "master")
        settings = load_settings().model_copy(update={"connections": tuple(server.connections())})
        lake, register = Lake(settings.lake), Register(settings.register)
        for name, frame in load_master(settings.master).items():
            lake.write(Layer.MASTER, name, frame)
        assert pull(settings, lake, register).failures == ()
        normalise(settings, lake)
        assets = [wholesale, matches, findings, verdicts, retail, charges]
        for month in (OCTOBER.previous, OCTOBER):
            assert dg.materialize(assets, resources={"home": Home()}, partition_key=str(month)).success
        yield folder


@pytest.fixture(scope="module")
def lake(home):
    return Lake(str(home / "lake"))


@pytest.fixture(autouse=True)
def _nothing_is_stored(home):
    def fingerprint():
        files = sorted(path for path in home.rglob("*") if path.is_file())
        return [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]

    before = fingerprint()
    yield
    assert fingerprint() == before


@pytest.mark.parametrize("plan", ["flex", "plus", "fleet"])
def test_who_is_on_the_plan_already_pays_the_same(lake, plan):
    answer = reprice_by_plan(lake, OCTOBER, plan)
    charged = lake.read(Layer.BILLED, "charges", OCTOBER).filter(plan_id=plan, kind="session", outcome="billable")
    same = answer.sessions.join(charged.select("cdr_key"), on="cdr_key", how="semi")
    assert same.height > 5
    assert same.filter(pl.col("before_amount").ne_missing(pl.col("after_amount"))).is_empty()
    other = answer.sessions.join(same, on="cdr_key", how="anti")
    assert other.filter(pl.col("before_amount") != pl.col("after_amount")).height > 5


def test_every_retail_session_is_compared_or_counted(lake):
    answer = reprice_by_plan(lake, OCTOBER, "plus")
    retail_cdrs = lake.read(Layer.TYPED, "cdrs", OCTOBER).filter(~pl.col("is_home_charging"))
    assert answer.sessions["cdr_key"].to_list() == retail_cdrs["cdr_key"].sort().to_list()
    counted = effects_by(answer)["sessions"].sum() + not_compared(answer)["sessions"].sum()
    assert counted == retail_cdrs.height


def published(world, folder):
    """Write every tariff that a CPO of the world publishes, its last version."""
    for (_, module), objects in wire_modules(world).items():
        for each in objects if module == "tariffs" else ():
            found = json.loads(each.body, parse_float=Decimal)
            path = folder / f"{found['party_id']}-{found['id']}.json"
            path.write_text(json.dumps(found, default=str))
            yield path


def test_the_published_tariffs_change_nothing(world, lake, tmp_path):
    moved, sessions = [], 0
    for path in dict.fromkeys(published(world, tmp_path)):
        answer = reprice_by_tariff(lake, OCTOBER, read_tariff_file(path, "2.2.1"))
        compared = answer.sessions.filter(pl.col("not_compared").is_null())
        sessions += compared.height
        moved += compared.filter(pl.col("before_amount") != pl.col("after_amount"))["cdr_key"].to_list()
    assert moved == []
    accepted = lake.read(Layer.MATCHED, "verdicts", OCTOBER).filter(verdict="accept")
    assert sessions == accepted.height


def test_an_energy_price_twice_as_high_costs_twice_as_much(world, lake, tmp_path):
    (path,) = (each for each in published(world, tmp_path) if each.name == "LDW-LDW-AC.json")
    path.write_text(path.read_text().replace('"0.38"', '"0.76"'))
    total = effects_by(reprice_by_tariff(lake, OCTOBER, read_tariff_file(path, "2.2.1")))
    assert total["sessions"].sum() > 5
    assert (total["after_amount"] == 2 * total["before_amount"]).all()
    assert total["margin_before_amount"].item() - total["margin_after_amount"].item() == total["before_amount"].item()


def test_every_public_connector_has_a_price_under_every_plan(lake):
    start = read_start("2026-10-15T12:00", datetime(2026, 11, 5, tzinfo=UTC))
    quotes = price_catalogue(lake, start, [read_profile(text) for text in DEFAULT_SESSIONS], None, []).quotes
    homes = set(lake.read(Layer.MASTER, "home_chargers")["evse_id"])
    public = lake.read(Layer.TYPED, "connectors").filter(~pl.col("evse_id").is_in(homes))
    assert quotes.height == public.height * 3 * 2
    assert quotes["price_incl_vat"].null_count() == quotes["wholesale_excl_vat"].null_count() == 0
    prices = quotes.filter(current_type="AC").group_by("plan_id", "session").agg(pl.col("price_amount").unique())
    # 20 kWh; 50 kWh and two hours' idling from the fourth hour on, which the fleet plan does not charge
    assert sorted((plan, session, *found) for plan, session, found in prices.iter_rows()) == [
        ("fleet", "20 kWh in 30 min", Decimal("8.20")),
        ("fleet", "50 kWh in 6 h with 2 h idle", Decimal("20.50")),
        ("flex", "20 kWh in 30 min", Decimal("11.80")),
        ("flex", "50 kWh in 6 h with 2 h idle", Decimal("35.50")),
        ("plus", "20 kWh in 30 min", Decimal("9.00")),
        ("plus", "50 kWh in 6 h with 2 h idle", Decimal("28.50")),
    ]
