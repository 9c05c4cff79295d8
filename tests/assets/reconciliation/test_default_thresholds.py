"""An agreement without thresholds has the defaults, and a run says once which CPOs that is."""

import dagster as dg
import polars as pl
import pytest

from models.reconciliation.thresholds import limits_of
from models.schemas.registry import Layer
from pipelines.defs.rating import assets as rating
from pipelines.defs.reconciliation import assets as reconciliation
from pipelines.defs.resources import Home
from tests.assets.reconciliation.claims_home import claims_home

ASSETS = [rating.wholesale, reconciliation.matches, reconciliation.findings]
SENTENCE = "default thresholds of the rules apply, because no agreement names others: DE*LDW"


@pytest.mark.parametrize(
    ("thresholds", "named", "lines"), [(None, "DE*LDW", 1), ("late_days=10", "DE*LDW", 1), ("late_days=11", "", 0)]
)
def test_the_log_and_the_metadata_name_cpos_on_defaults(tmp_path, monkeypatch, capfd, thresholds, named, lines):
    lake, _ = claims_home(tmp_path, monkeypatch)
    agreements = lake.read(Layer.MASTER, "agreements")
    said = agreements.with_columns(pl.lit(thresholds, pl.String).alias("rule_thresholds"))
    lake.write(Layer.MASTER, "agreements", said)
    result = dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10")
    (event,) = (e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "findings")
    assert event.step_materialization_data.materialization.metadata["default_thresholds"].value == named
    told = capfd.readouterr()
    assert (told.out + told.err).count(SENTENCE) == lines


def test_a_cpo_without_an_agreement_is_on_defaults_too():
    agreements = pl.DataFrame(
        {"cpo_id": ["DE*A", "DE*B", "DE*C"], "rule_thresholds": ["ac_hours=48", "", None]},
        schema={"cpo_id": pl.String, "rule_thresholds": pl.String},
    )
    assert limits_of(agreements).on_defaults(["DE*X", "DE*C", "DE*A", "DE*B", "DE*X"]) == ["DE*B", "DE*C", "DE*X"]
