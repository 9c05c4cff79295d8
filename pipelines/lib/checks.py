"""One factory for the blocking contract checks: each hand-over is read back from the lake and held to its contract.

A failing check names columns, rules and keys, never whole rows: rows carry personal data, keys do not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
import pandera.errors
import polars as pl

from models.schemas.registry import Layer, Table, table
from models.types.time import BillingMonth
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key
from pipelines.lib.lake import Lake, sample_keys

CHECK_NAME = "contract"
_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class ContractResult:
    """What holding one table against its contract gave."""

    rows: int
    failures: dict[str, int]
    """failing rows by `column: check`; empty when the table fits"""
    samples: tuple[str, ...]
    """keys of failing rows"""


def contract_checks(layer: Layer, names: Sequence[str], *, partitioned: bool) -> list[dg.AssetChecksDefinition]:
    """Give the blocking contract checks of some tables of a layer, as one step.

    Args:
        layer: of the tables; asset keys are `[layer, name]`.
        names: of the tables.
        partitioned: whether their assets have one partition per billing month. Without, all months are read.
    """

    @dg.multi_asset_check(
        name=f"contracts_{layer}_{names[0]}",
        specs=[_spec(layer, name) for name in names],
        can_subset=True,
    )
    def contracts(context: dg.AssetCheckExecutionContext, home: Home) -> Iterable[dg.AssetCheckResult]:
        month = BillingMonth.parse(context.partition_key) if partitioned else None
        for check in sorted(context.selected_asset_check_keys):
            hand_over = table(layer, check.asset_key.path[-1])
            yield _as_check_result(check.asset_key, hold_to_contract(home.lake, hand_over, month))

    return [contracts]


def hold_to_contract(lake: Lake, hand_over: Table, month: BillingMonth | None = None) -> ContractResult:
    """Read a table (or one month of it) back and validate it: dtypes, vocabularies, and a key without repetition."""
    rows, failures, samples = 0, dict[str, int](), list[str]()
    for frame in _parts(lake, hand_over, month):
        rows += frame.height
        repeated = frame.filter(frame.select(hand_over.key).is_duplicated())
        if repeated.height:
            failures["key: unique"] = failures.get("key: unique", 0) + repeated.height
            samples += sample_keys(repeated, hand_over, _SAMPLES)
        for column, check, index in _violations(hand_over, frame):
            failures[f"{column}: {check}"] = failures.get(f"{column}: {check}", 0) + 1
            if index is not None:
                samples += sample_keys(frame[index : index + 1], hand_over)
    return ContractResult(rows, failures, tuple(dict.fromkeys(samples))[:_SAMPLES])


def _parts(lake: Lake, hand_over: Table, month: BillingMonth | None) -> Iterator[pl.DataFrame]:
    """Yield the partitions one by one: a year of CDRs need not fit into memory to be checked."""
    if not hand_over.by_month:
        yield lake.read(hand_over.layer, hand_over.name)
        return
    for each in [month] if month else lake.months(hand_over.layer, hand_over.name):
        yield lake.read(hand_over.layer, hand_over.name, each)


def _violations(hand_over: Table, frame: pl.DataFrame) -> Iterator[tuple[str, str, int | None]]:
    try:
        hand_over.contract.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.select("column", "check", "index")
        yield from ((str(column), str(check), index) for column, check, index in cases.iter_rows())


def _spec(layer: Layer, name: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        CHECK_NAME,
        asset=asset_key(layer, name),
        blocking=True,
        description=f"{layer}/{name} fits its contract: dtypes, scales, vocabularies, a unique key.",
    )


def _as_check_result(asset: dg.AssetKey, result: ContractResult) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue] = {"rows": dg.MetadataValue.int(result.rows)}
    if result.failures:
        metadata["failures"] = dg.MetadataValue.json(dict(sorted(result.failures.items())))
        metadata["sample_keys"] = dg.MetadataValue.json(list(result.samples))
    return dg.AssetCheckResult(
        passed=not result.failures,
        check_name=CHECK_NAME,
        asset_key=asset,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
