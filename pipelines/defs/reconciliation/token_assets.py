"""Token risk assets: what the use of every token in a month says about it.

Belongs here: calling `models.reconciliation.token_risk` and writing its tables. Does not: a signal or a threshold, what
is read (`pipelines/lib/token_activity.py`), or blocking a token, which only people do (`roamledger tokens`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

from collections.abc import Iterator

import dagster as dg

from models.reconciliation.token_risk.scoring import token_risks, token_signals
from models.schemas.registry import Layer
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.checks import contract_checks
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.token_activity import read_activity

_ACTIVITY = [
    *asset_keys(Layer.TYPED, "cdrs", "sessions", "authorizations", "connectors", "tokens"),
    *asset_keys(Layer.MASTER, "contracts", "legal_entities"),
]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key(Layer.MATCHED, "token_signals"),
            deps=_ACTIVITY,
            description="One row per token and signal of misuse that its use in the month gave, with the numbers.",
        ),
        dg.AssetSpec(
            asset_key(Layer.MATCHED, "token_risks"),
            deps=_ACTIVITY,
            description="One row per token that was used in the month: its score, the reasons, and what to do.",
        ),
    ],
    partitions_def=BILLING_MONTHS,
    group_name="reconciliation",
)
def token_risk(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Hold the use of every token in the month against every signal, and add up the points."""
    lake, month = home.lake, month_of(context)
    activity = read_activity(home.settings, lake, home.register, month)
    signals = token_signals(activity)
    risks = token_risks(activity, signals)
    lake.write(Layer.MATCHED, "token_signals", signals, month)
    lake.write(Layer.MATCHED, "token_risks", risks, month)
    found = dict(signals.group_by("signal_id").len().sort("signal_id").iter_rows())
    yield dg.MaterializeResult(asset_key(Layer.MATCHED, "token_signals"), metadata={"rows": signals.height, **found})
    actions = dict(risks.group_by("recommended_action").len().sort("recommended_action").iter_rows())
    yield dg.MaterializeResult(asset_key(Layer.MATCHED, "token_risks"), metadata={"rows": risks.height, **actions})


token_checks = contract_checks(Layer.MATCHED, ["token_signals", "token_risks"], partitioned=True)
