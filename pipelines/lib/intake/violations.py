"""Which breaches of the protocol are looked for, and in what: the tables that `models.reference.violations` needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from models.ocpi.acceptance import FOREIGN_PARTY
from models.reference import violations as breaches
from models.schemas.registry import Layer, table
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.outcomes import PULL
from pipelines.lib.intake.unknown import Unknown
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest

_CDR: Final = (
    *("cdr_key", "cpo_id", "session_id", "is_credit", "credit_reference_id", "last_updated_at"),
    *("connection_id", "content_sha256", "page_sha256", "page_position", "received_at"),
)
_SESSION: Final = ("session_key", "status", "last_updated_at")


def broken_rules(
    lake: Lake,
    manifests: Sequence[Manifest],
    records: pl.DataFrame,
    tariffs: pl.DataFrame,
    unknown: Unknown,
) -> Iterator[pl.DataFrame]:
    """Give what each rule finds.

    Args:
        lake: has the typed CDRs, sessions and connectors.
        manifests: of the pulls that the records came in.
        records: landed records with their outcome, in the order received.
        tariffs: `typed/tariff_history`.
        unknown: fields that OCPI does not know, and ids that are longer than it allows.
    """
    news = records.filter(pl.col("outcome") != str(RecordOutcome.DUPLICATE))  # the same content again breaks nothing
    own = news.filter(~pl.col("rule").eq_missing(pl.lit(FOREIGN_PARTY)))  # who speaks for another accuses nobody
    cdrs, sessions = _columns(lake, "cdrs", _CDR), _columns(lake, "sessions", _SESSION)
    deletions = tariffs.filter(pl.col("tariff_version_id").is_null(), pl.col("known_to").is_null())
    yield breaches.changed_cdrs(own)
    yield breaches.repeated_ids(_listed(own, manifests))
    yield breaches.backward_updates(own)
    yield breaches.long_ids(news, unknown.long_ids)
    yield breaches.baseless_credits(cdrs, news)
    yield breaches.reopened_sessions(cdrs, sessions, news)
    yield breaches.deleted_tariffs(deletions, lake.read(Layer.TYPED, "connectors"))
    yield breaches.misspelt_fields(unknown.fields)
    yield breaches.foreign_parties(news)


def _listed(records: pl.DataFrame, manifests: Sequence[Manifest]) -> pl.DataFrame:
    """Leave out what was pushed or came in a file: the window of their pulls is empty."""
    pulls = [
        (each.connection_id, each.module, each.pull_id)
        for each in manifests
        if each.since is None or each.since < each.until
    ]
    asked = pl.DataFrame(pulls, schema=dict.fromkeys(PULL, pl.String), orient="row")
    return records.join(asked, on=PULL, how="semi", maintain_order="left")


def _columns(lake: Lake, name: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """Read some columns of every month of a table: a million CDRs have sixty, and eleven are asked for."""
    frames = [
        pl.read_parquet(lake.read_bytes(lake.path(Layer.TYPED, name, month)), columns=list(columns))
        for month in lake.months(Layer.TYPED, name)
    ]
    return pl.concat([table(Layer.TYPED, name).empty().select(columns), *frames])
