"""What was known when: history, lint, evidence and freshness, made after the typed tables and from the same raw pages.

Every table here is a function of the raw store, so it can be rebuilt, and `roamledger verify` does. What costs, reading
pages, is done once per pull (`stated.py`, `unknown.py`); the rest is joins over what was read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from models.reference.histories import connector_history, contract_history, tariff_history, token_history
from models.reference.violations import violations
from models.schemas.registry import Layer, table
from pipelines.lib.intake.freshness import freshness
from pipelines.lib.intake.landing import Landed
from pipelines.lib.intake.lint import lint
from pipelines.lib.intake.outcomes import RECEIVED_ORDER
from pipelines.lib.intake.stated import Stated
from pipelines.lib.intake.unknown import UnknownCounts
from pipelines.lib.intake.violations import broken_rules
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import alpha2_by_alpha3
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Settings

_RECORD: Final = table(Layer.TYPED, "records").key
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"


def remember(settings: Settings, lake: Lake) -> None:
    """Bring history, lint, violations, unknown fields and freshness up to the raw pages.

    Call it after `normalise`: it reads the typed tables of CDRs, sessions, connectors and tariff versions. Run again
    it changes nothing.

    Args:
        settings: the clock dates what our own contracts say now.
        lake: holds raw pages, landed rows, typed and master tables; receives the tables made here.
    """
    keep_contracts(lake, settings.clock())
    for name, frame in _Memory(lake).tables().items():
        is_current = lake.fs.exists(lake.path(Layer.TYPED, name)) and not lake.is_older(Layer.TYPED, name)
        if not is_current or not lake.read(Layer.TYPED, name).equals(frame):
            lake.write(Layer.TYPED, name, frame)


def keep_contracts(lake: Lake, now: datetime) -> None:
    """Keep our own contracts as they are now, unless they are as they were: books are overwritten, history is not.

    Layout: `<lake>/raw/books/contracts/<instant>.parquet`, beside the pages, because nothing else can say it again.
    """
    contracts = lake.read(Layer.MASTER, "contracts").sort("contract_id")
    kept = _kept_contracts(lake)
    if kept and kept[-1][1].equals(contracts):
        return
    after = len([at for at, _ in kept if at == now])
    suffix = f"-{after:03d}" if after else ""
    buffer = io.BytesIO()
    contracts.write_parquet(buffer, compression="zstd")
    lake.write_bytes(f"{_books(lake)}/{now.strftime(_STAMP)}{suffix}.parquet", buffer.getvalue())


def _kept_contracts(lake: Lake) -> list[tuple[datetime, pl.DataFrame]]:
    paths = sorted(map(str, lake.fs.glob(f"{_books(lake)}/*.parquet")))
    stamps = [path.rsplit("/", 1)[1].removesuffix(".parquet").split("-")[0] for path in paths]
    return [
        (datetime.strptime(f"{stamp}+0000", f"{_STAMP}%z"), pl.read_parquet(lake.read_bytes(path)))
        for stamp, path in zip(stamps, paths, strict=True)
    ]


def _books(lake: Lake) -> str:
    return f"{lake.root}/raw/books/contracts"


@dataclass(frozen=True)
class _Memory:
    """One making of all the tables."""

    lake: Lake

    def tables(self) -> Mapping[str, pl.DataFrame]:
        alpha2 = alpha2_by_alpha3()
        attempts = RawStore(self.lake).manifests()
        manifests = [each for each in attempts if each.pages]
        stated = Stated(self.lake, alpha2)
        records = self._records(Landed(self.lake, alpha2).records(manifests))
        tariffs = stated.statements("tariffs", manifests)
        known_tariffs = tariff_history(tariffs)
        unknown = UnknownCounts(self.lake).counted(manifests)
        return {
            "tariff_history": known_tariffs,
            "token_history": token_history(stated.statements("tokens", manifests)),
            "connector_history": connector_history(stated.statements("locations", manifests)),
            "contract_history": contract_history(self._contracts()),
            "hub_clients": _newest("hub_clients", stated.statements("hubclientinfo", manifests)),
            "invoice_reconciliations": _invoices(stated.statements("invoicereconciliation", manifests)),
            "unknown_fields": unknown.fields,
            "tariff_lint": lint(self.lake, known_tariffs, tariffs),
            "protocol_violations": violations(broken_rules(self.lake, manifests, records, known_tariffs, unknown)),
            "freshness": freshness(attempts, records),
        }

    def _records(self, landed: pl.DataFrame) -> pl.DataFrame:
        """Give the landed records in the order received, with what was decided about each."""
        became = self.lake.read(Layer.TYPED, "records").select(*_RECORD, "outcome", "rule", "content_sha256")
        return (
            landed.drop("content_sha256", "rule")
            .join(became, on=list(_RECORD), how="inner", validate="1:1")
            .sort(RECEIVED_ORDER)
        )

    def _contracts(self) -> pl.DataFrame:
        """Give every keeping of the contracts as statements."""
        empty = table(Layer.MASTER, "contracts").empty()
        frames = [
            contracts.with_columns(told_at=pl.lit(at, pl.Datetime("us", "UTC")))
            for at, contracts in _kept_contracts(self.lake)
        ]
        return pl.concat([empty.with_columns(told_at=pl.lit(None, pl.Datetime("us", "UTC"))), *frames])


def _newest(name: str, statements: pl.DataFrame) -> pl.DataFrame:
    """Keep the newest statement about each object, by its own `last_updated`, the last told among equals."""
    hand_over = table(Layer.TYPED, name)
    ordered = statements.sort("last_updated_at", maintain_order=True).rename({"told_at": "received_at"})
    kept = ordered.unique(hand_over.key, keep="last", maintain_order=True)
    return kept.select(list(hand_over.schema)).sort(hand_over.key)


def _invoices(statements: pl.DataFrame) -> pl.DataFrame:
    """Keep the CDRs of the newest version of each record: a CDR that a later version leaves out is not invoiced."""
    told = _undeleted(statements).with_columns(
        _rank=pl.struct("last_updated_at", "told_at", "pull_id", "told_index").rank("dense")
    )
    newest = told.filter(pl.col("_rank") == pl.col("_rank").max().over("record_key"))
    return _newest("invoice_reconciliations", newest)


def _undeleted(statements: pl.DataFrame) -> pl.DataFrame:
    """Leave out the DELETEs of records, and whatever was said about those records before."""
    told = statements.with_row_index("_told")
    deleted = pl.col("_told").filter(pl.col("cdr_key").is_null()).max().over("record_key")
    return told.filter(deleted.is_null() | (pl.col("_told") > deleted)).drop("_told")
