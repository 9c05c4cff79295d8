"""What stands on issued documents, as far as it bears on what may still be billed."""

from __future__ import annotations

import polars as pl

from models.billing.credited import CREDITED_COLUMNS, obstacles
from models.schemas.registry import Layer
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.documents import billed_ids


def billing_obstacles(lake: Lake, register: Register) -> pl.DataFrame:
    """Say which CDRs of the lake must not be billed (`models.billing.credited.OBSTACLES`)."""
    with register.reading() as tx:
        billed = {each.partition(":")[2] for each in billed_ids(tx)}
    return obstacles(lake.read_columns(Layer.TYPED, "cdrs", CREDITED_COLUMNS), billed)
