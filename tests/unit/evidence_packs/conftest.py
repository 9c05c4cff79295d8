"""A month of a sandbox world with every rule's fault planted once, reconciled, with its cases in a register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from models.rating.audit import audit
from models.reconciliation.cases.movements import CDR_COLUMNS
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.disputes.recording import Moment, record_verdicts
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.evidence_packs.reading import Cases, MonthOfPacks, read_cases
from pipelines.lib.lake import Lake
from pipelines.lib.reconciling import Month
from pipelines.lib.register import Register
from pipelines.sandbox.exhibits.plan import ALL_RULES
from pipelines.sandbox.world import build_world
from tests.unit.reconciliation.sandbox_month import lake_of, reconciled

NOW = datetime(2026, 11, 5, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Disputed:
    """A reconciled home."""

    home: Path
    lake: Lake
    register: Register

    @property
    def months(self) -> list[BillingMonth]:
        return self.lake.months(Layer.MATCHED, "verdicts")

    @property
    def cases(self) -> Cases:
        return read_cases(self.register)

    def packs(self):
        """Every pack, by case."""
        cases = self.cases
        months = [MonthOfPacks(self.lake, month, cases) for month in self.months]
        return {pack.case.case_id: pack for month in months for pack in month.packs()}

    def table(self, name, layer=Layer.MATCHED):
        return self.lake.read_months(layer, name)


@pytest.fixture(scope="session")
def disputed(tmp_path_factory):
    """The world of seed 11, whose faults include two sessions of one card at two operators."""
    home = tmp_path_factory.mktemp("disputed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROAMLEDGER_NOW", NOW.isoformat())
        lake = lake_of(build_world(11, 200, BillingMonth(2026, 10), exhibits=dict.fromkeys(ALL_RULES, 1)), home, patch)
        register = Register(f"sqlite:///{home / 'register' / 'register.sqlite'}")
        found = reconciled(lake)
        for month in lake.months(Layer.TYPED, "cdrs"):
            _keep(lake, register, found, month)
    return Disputed(home, lake, register)


def _keep(lake, register, found, month):
    """Write what reconciling gave for a month, its component rows, and the cases that it opens."""
    read = Month(lake, month)
    rows = audit(read.cdrs, read.periods, read.tariffs, read.agreements).components
    lake.write(Layer.PRICED, "wholesale_components", rows, month)
    own = {name: found[name].filter(pl.col("billing_month") == month.first_day) for name in _TABLES}
    for name, frame in own.items():
        lake.write(Layer.MATCHED, name, frame, month)
    terms = Terms.of(lake.read(Layer.MASTER, "agreements"))
    cdrs = lake.read_columns(Layer.TYPED, "cdrs", CDR_COLUMNS)
    with register.transaction() as tx:
        record_verdicts(tx, own["verdicts"], own["findings"], terms, Moment(NOW, NOW.date()), cdrs)


_TABLES = ("findings", "not_checked", "verdicts")


@pytest.fixture(scope="session")
def packs(disputed):
    """Every pack of that home, by case."""
    return disputed.packs()


@pytest.fixture(scope="session")
def held_for(packs):
    """A function that gives the first pack whose case stands on these rules alone."""

    def find(*rules):
        return next(pack for _, pack in sorted(packs.items()) if pack.case.rule_ids == rules)

    return find
