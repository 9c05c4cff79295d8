"""Reconciliation alone: matching from all four sides, and all rules, over months larger than the sandbox makes.

The baseline is the bare join of CDRs with authorizations by reference in DuckDB, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from models.rating.selection import tariffs_at_start
from models.reconciliation.evidence import Evidence, Surroundings, known_until
from models.reconciliation.facts import CDR_COLUMNS, cdrs_with_facts
from models.reconciliation.matching import match
from models.reconciliation.outcomes import MonthOfRecords, record_outcomes
from models.reconciliation.prices import PRICE_COLUMNS
from models.reconciliation.rules.catalogue import find_all, not_checked
from models.reconciliation.thresholds import limits_of
from models.reconciliation.verdicts import judge
from tests.benchmarks.reconciliation_world import write_records
from tests.benchmarks.timing import Stage, timed

SIZES = (200_000, 1_000_000)


def records(folder: Path, cdrs: int) -> Stage:
    """Make the month: no figure of ours, only what the others work on."""
    write_records(folder, cdrs)
    return timed(lambda: cdrs, "CDRs")


def _read(folder: Path, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet", columns=None if columns is None else list(columns))


def _matched(folder: Path) -> pl.DataFrame:
    cdrs = _read(folder, "cdrs", (*CDR_COLUMNS, "authorization_reference"))
    taken = pl.Series("authorization_id", [], pl.String)
    limits = limits_of(_read(folder, "agreements"))
    return match(cdrs, cdrs.clear(), _read(folder, "authorizations"), taken, _read(folder, "sessions"), limits)


def matching(folder: Path, _cdrs: int) -> Stage:
    """Match CDRs with authorizations and sessions, one to one."""

    def work() -> int:
        frame = _matched(folder)
        frame.write_parquet(folder / "matches.parquet")
        return len(frame)

    return timed(work, "CDRs")


def outcomes(folder: Path, _cdrs: int) -> Stage:
    """Say of every authorization, session and CDR how it ended."""

    def work() -> int:
        cdrs = _read(folder, "cdrs", CDR_COLUMNS)
        month = MonthOfRecords(
            cdrs=cdrs,
            authorizations=_read(folder, "authorizations"),
            sessions=_read(folder, "sessions"),
            versions=_read(folder, "tariff_versions"),
            tokens=_read(folder, "tokens"),
            matches=_read(folder, "matches"),
            priced=_named_tariffs(folder, cdrs),
            known_until=known_until(cdrs),
        )
        return len(record_outcomes(month))

    return timed(work, "records")


def _named_tariffs(folder: Path, cdrs: pl.DataFrame) -> pl.DataFrame:
    versions, connectors = _read(folder, "tariff_versions"), _read(folder, "connectors")
    return tariffs_at_start(cdrs, _read(folder, "charging_periods"), versions, connectors)


def rules(folder: Path, _cdrs: int) -> Stage:
    """Hold every CDR against all rules, and judge it."""

    def work() -> int:
        cdrs, agreements = _read(folder, "cdrs", CDR_COLUMNS), _read(folder, "agreements")
        priced = _read(folder, "wholesale_cdrs", PRICE_COLUMNS)
        evidence = Evidence(
            cdrs=cdrs_with_facts(cdrs, cdrs.clear(), agreements, _read(folder, "connectors")),
            periods=_read(folder, "charging_periods"),
            matches=_read(folder, "matches"),
            priced=priced,
            tokens=_read(folder, "tokens"),
            versions=_read(folder, "tariff_versions"),
            tariffs_at_start=_named_tariffs(folder, cdrs),
            limits=limits_of(agreements),
            around=Surroundings(),
        )
        found = find_all(evidence)
        not_checked(evidence).write_parquet(folder / "not_checked.parquet")
        found.write_parquet(folder / "findings.parquet")
        return len(judge(cdrs, found, priced))

    return timed(work, "CDRs")


def bare_reference_join(folder: Path, _cdrs: int) -> Stage:
    """Join CDRs with authorizations by reference in DuckDB."""
    import duckdb

    def work() -> int:
        query = (
            f"select c.*, a.authorization_id from '{folder}/cdrs.parquet' as c "
            f"left join '{folder}/authorizations.parquet' as a using (authorization_reference, token_uid)"
        )
        return len(duckdb.sql(query).pl())

    return timed(work, "CDRs")


STAGES: dict[str, Callable[[Path, int], Stage]] = {"matching": matching, "outcomes": outcomes, "rules": rules}
BASELINES = {"matching": "bare_reference_join"}
HIDDEN = {"records": records, "bare_reference_join": bare_reference_join}
