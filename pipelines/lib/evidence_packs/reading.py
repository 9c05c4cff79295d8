"""What the packs of a month are made from: the lake's tables, the CDRs' own bytes, and the register's cases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import polars as pl

from models.rating.selection import connector_key, tariffs_at_start
from models.reconciliation.cases import CaseEvent, CaseState, case_state
from models.reconciliation.packs.assembly import packs_of
from models.reconciliation.packs.pack import EvidencePack, Received, Sender
from models.reconciliation.packs.tables import PackTables
from models.reconciliation.thresholds import limits_of
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import Verdict
from pipelines.lib.evidence_packs.records import received_of
from pipelines.lib.lake import Lake
from pipelines.lib.quotes.wording import restriction_words, step_words
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import events_by_case


@dataclass(frozen=True, slots=True)
class Cases:
    """The register's cases, by case id."""

    events: Mapping[str, list[CaseEvent]]
    states: Mapping[str, CaseState]


def read_cases(register: Register) -> Cases:
    """Read every case of the register."""
    with register.reading() as tx:
        events = events_by_case(tx)
    folded = {case_id: case_state(told) for case_id, told in events.items()}
    return Cases(events, {case_id: state for case_id, state in folded.items() if state is not None})


@dataclass(frozen=True)
class MonthOfPacks:
    """A month whose packs are wanted; what is read once serves all of them."""

    lake: Lake
    month: BillingMonth
    cases: Cases

    @cached_property
    def owners(self) -> dict[str, str]:
        """CPOs by CDR of the month that is held, rejected, or has a case that ended; sorted by the CDR's key."""
        verdicts = self._read(Layer.MATCHED, "verdicts")
        had_case = pl.col("cdr_key").is_in(list(self.cases.states))
        wanted = verdicts.filter((pl.col("verdict") != str(Verdict.ACCEPT)) | had_case)
        return dict(wanted.sort("cdr_key").select("cdr_key", "cpo_id").iter_rows())

    def packs(self, keys: Collection[str] | None = None) -> Iterator[EvidencePack]:
        """Make the packs of some CDRs, all of them by default; a CDR that was not judged is a `LookupError`."""
        wanted = sorted(self.owners if keys is None else keys)
        if wanted:
            yield from packs_of(self._tables(wanted), wanted)

    def _tables(self, keys: list[str]) -> PackTables:
        of_cdr = pl.col("cdr_key").is_in(keys)
        cdrs, periods = (self._read(Layer.TYPED, name).filter(of_cdr) for name in ("cdrs", "charging_periods"))
        matched = {name: self._read(Layer.MATCHED, name).filter(of_cdr) for name in _MATCHED}
        priced = {name: self._read(Layer.PRICED, f"wholesale_{name}").filter(of_cdr) for name in ("cdrs", "components")}
        versions = self.lake.read(Layer.TYPED, "tariff_versions")
        connectors = self.lake.read(Layer.TYPED, "connectors")
        named = tariffs_at_start(cdrs, periods, versions, connectors)
        agreements = self.lake.read(Layer.MASTER, "agreements")
        wanted = {*named.select(pl.col("^.*_version_id$")).unpivot()["value"].drop_nulls()}
        wanted |= {*priced["components"]["tariff_version_id"], *priced["cdrs"]["tariff_version_id"].drop_nulls()}
        of_version = pl.col("tariff_version_id").is_in(sorted(wanted))
        return PackTables(
            cdrs=cdrs,
            periods=periods,
            connectors=connectors.join(cdrs.select(connector_key()).unique(), on="connector_key", how="semi"),
            tokens=self._tokens(cdrs),
            matches=matched["matches"],
            authorizations=self._around("authorizations", "authorization_id", matched["matches"]),
            sessions=self._around("sessions", "session_key", matched["matches"]),
            verdicts=matched["verdicts"],
            findings=matched["findings"],
            not_checked=matched["not_checked"],
            rated=priced["cdrs"],
            components=priced["components"],
            versions=versions.filter(of_version),
            prices=_worded(self.lake.read(Layer.TYPED, "tariff_components").filter(of_version)),
            tariffs_at_start=named,
            others=self._others(matched["findings"]),
            agreements=agreements,
            limits=limits_of(agreements),
            received=self._received(cdrs),
            states=self.cases.states,
            events=self.cases.events,
            sender=_sender(self.lake),
        )

    def _read(self, layer: Layer, name: str) -> pl.DataFrame:
        return self.lake.read(layer, name, self.month)

    def _tokens(self, cdrs: pl.DataFrame) -> pl.DataFrame:
        uids = cdrs.select(pl.col("token_uid").str.to_uppercase()).drop_nulls().to_series().unique()
        tokens = self.lake.read(Layer.TYPED, "tokens")
        return tokens.filter(pl.col("token_uid").str.to_uppercase().is_in(uids.implode()))

    def _around(self, name: str, key: str, matches: pl.DataFrame) -> pl.DataFrame:
        """Read the partners of CDRs, which may stand in a month beside theirs."""
        wanted = matches[key].drop_nulls().unique()
        around = self.lake.read_months(Layer.TYPED, name, (self.month.previous, self.month, self.month.next))
        return around.filter(pl.col(key).is_in(wanted.implode()))

    def _others(self, findings: pl.DataFrame) -> pl.DataFrame:
        """Read the CDRs that findings name: neighbours of the month, and originals of credits from any month."""
        wanted = findings["other_cdr_key"].drop_nulls().unique()
        months = [month for month in self.lake.months(Layer.TYPED, "cdrs") if month <= self.month.next]
        frames = [self.lake.read(Layer.TYPED, "cdrs", month) for month in (months if len(wanted) else [])]
        named = pl.col("cdr_key").is_in(wanted.implode())
        return pl.concat([self._read(Layer.TYPED, "cdrs").clear(), *(frame.filter(named) for frame in frames)])

    def _received(self, cdrs: pl.DataFrame) -> dict[str, Received]:
        return received_of(RawStore(self.lake), cdrs.sort("cdr_key").rows(named=True))


_MATCHED: Final = ("matches", "verdicts", "findings", "not_checked")


def _worded(components: pl.DataFrame) -> pl.DataFrame:
    """Add to `typed/tariff_components` what restrictions and steps say in words."""
    rows = components.rows(named=True)
    words = {"applies": [restriction_words(row) for row in rows], "steps": [step_words(row) for row in rows]}
    return components.with_columns(pl.Series(name, texts, pl.String) for name, texts in words.items())


def _sender(lake: Lake) -> Sender | None:
    entities = lake.read(Layer.MASTER, "legal_entities").rows(named=True)
    return msgspec.convert(entities[0], Sender) if entities else None
