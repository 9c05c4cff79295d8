"""What reconciling a month reads: the month itself, its neighbours, and what is known of tokens, tariffs and places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from models.rating.audit import TariffTables
from models.rating.selection import tariffs_at_start
from models.reconciliation.causes import causes_of
from models.reconciliation.copies import original_key, standing
from models.reconciliation.evidence import Evidence, Surroundings, known_until
from models.reconciliation.expected import expected_cdrs
from models.reconciliation.facts import cdrs_with_facts, meter_facts
from models.reconciliation.matching import match, taken_authorizations
from models.reconciliation.outcomes import MonthOfRecords, record_outcomes
from models.reconciliation.prices import PRICE_COLUMNS, exceeds_tolerance, with_prices
from models.reconciliation.tender import legal_tender
from models.reconciliation.thresholds import Limits, limits_of
from models.reconciliation.tokens import token_versions
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.outcomes import CDR_CHANGED
from pipelines.lib.lake import Lake
from pipelines.lib.reference_data import vat_rates

_CHANGED_KEY: Final = r"^cdr (.+) was received before with other content"
"""how intake names the CDR of which it quarantined a second body"""
_AHEAD: Final = "2d"
"""CDRs of the next month that start up to here after a record of this one may have used it"""


@dataclass(frozen=True)
class Month:
    """A month of the lake, read for reconciliation; what is asked for twice is read once."""

    lake: Lake
    month: BillingMonth

    @cached_property
    def cdrs(self) -> pl.DataFrame:
        """The CDRs to judge."""
        return self.lake.read(Layer.TYPED, "cdrs", self.month)

    @cached_property
    def before(self) -> pl.DataFrame:
        """CDRs of the month before: sessions and copies cross midnight of the first."""
        return self.lake.read(Layer.TYPED, "cdrs", self.month.previous)

    @cached_property
    def periods(self) -> pl.DataFrame:
        """The charging periods of the CDRs to judge."""
        return self.lake.read(Layer.TYPED, "charging_periods", self.month)

    @cached_property
    def agreements(self) -> pl.DataFrame:
        """All agreements."""
        return self.lake.read(Layer.MASTER, "agreements")

    @cached_property
    def limits(self) -> Limits:
        """The thresholds of all agreements."""
        return limits_of(self.agreements)

    @cached_property
    def tariffs(self) -> TariffTables:
        """What is known of tariffs."""
        names = ("tariff_versions", "tariff_components", "connectors")
        return TariffTables(*(self.lake.read(Layer.TYPED, name) for name in names))

    @cached_property
    def named_tariffs(self) -> pl.DataFrame:
        """The tariffs that each CDR names, with what was published at its start."""
        return tariffs_at_start(self.cdrs, self.periods, self.tariffs.versions, self.tariffs.connectors)

    @cached_property
    def tokens(self) -> pl.DataFrame:
        """Every version of every token."""
        history, newest = (self.lake.read(Layer.TYPED, name) for name in ("token_history", "tokens"))
        return token_versions(history, newest)

    def matches(self) -> pl.DataFrame:
        """Work out `matched/matches`."""
        months = (self.month.previous.previous, self.month.previous)
        earlier = self.lake.read_months(Layer.MATCHED, "matches", months)
        return self._match(self.cdrs, self.before, taken_authorizations(earlier, self.cdrs))

    def _match(self, cdrs: pl.DataFrame, neighbours: pl.DataFrame, taken: pl.Series) -> pl.DataFrame:
        around = (self.month.previous, self.month, self.month.next)
        authorizations = self.lake.read_months(Layer.TYPED, "authorizations", around)
        sessions = self.lake.read_months(Layer.TYPED, "sessions", around)
        return match(cdrs, neighbours, authorizations, taken, sessions, self.limits)

    def outcomes(self) -> pl.DataFrame:
        """Work out `matched/record_outcomes`."""
        return record_outcomes(self._records)

    def expected(self) -> pl.DataFrame:
        """Work out `matched/expected_cdrs`."""
        outcomes = self.lake.read(Layer.MATCHED, "record_outcomes", self.month)
        return expected_cdrs(self._records, outcomes, self.tariffs, self.agreements)

    @cached_property
    def _records(self) -> MonthOfRecords:
        until = known_until(self.cdrs)
        by_then = pl.col("received_at") <= pl.lit(until, pl.Datetime("us", "UTC"))
        return MonthOfRecords(
            cdrs=self.cdrs,
            authorizations=self.lake.read(Layer.TYPED, "authorizations", self.month).filter(by_then),
            sessions=self.lake.read(Layer.TYPED, "sessions", self.month).filter(by_then),
            versions=self.tariffs.versions,
            tokens=self.tokens,
            matches=self._matches_around(by_then),
            priced=self.named_tariffs,
            known_until=until,
            limits=self.limits,
        )

    def _matches_around(self, by_then: pl.Expr) -> pl.DataFrame:
        """Give the matches of this month and the one before, and those that early CDRs of the next one will have."""
        known = self.lake.read_months(Layer.MATCHED, "matches", (self.month.previous, self.month))
        end = self.cdrs.select(pl.col("started_at").max().dt.offset_by(_AHEAD)).item()
        following = self.lake.read(Layer.TYPED, "cdrs", self.month.next).filter(by_then)
        early = following.filter(pl.col("started_at") <= pl.lit(end, pl.Datetime("us", "UTC")))
        if early.is_empty():
            return known
        taken = known.get_column("authorization_id").drop_nulls()
        ahead = self._match(early, self.cdrs, taken)
        used = known.select("session_key").drop_nulls()
        is_used = pl.col("session_key").is_in(used.to_series().implode())
        return pl.concat([known, ahead.with_columns(pl.when(~is_used).then("session_key").alias("session_key"))])

    def evidence(self) -> Evidence:
        """Put together what the rules look at."""
        priced = self.lake.read(Layer.PRICED, "wholesale_cdrs", self.month).select(PRICE_COLUMNS)
        cdrs = cdrs_with_facts(self.cdrs, self.before, self.agreements, self.tariffs.connectors)
        return Evidence(
            cdrs=cdrs,
            periods=self.periods,
            matches=self.lake.read(Layer.MATCHED, "matches", self.month),
            priced=priced,
            tokens=self.tokens,
            versions=self.tariffs.versions,
            tariffs_at_start=self.named_tariffs,
            limits=self.limits,
            around=self._surroundings(cdrs, priced),
        )

    def _surroundings(self, cdrs: pl.DataFrame, priced: pl.DataFrame) -> Surroundings:
        claims = with_prices(standing(cdrs.filter("is_judged")), priced)
        return Surroundings(
            home_chargers=self.lake.read(Layer.MASTER, "home_chargers"),
            vat_rates=standard_vat_rates(),
            currencies=legal_tender(self.cdrs["charge_country"].unique(), self.month.first_day),
            changed_keys=self._changed_keys(),
            originals=self._originals(),
            meters=meter_facts(self.cdrs, self.before),
            causes=causes_of(claims.filter(exceeds_tolerance()), self.periods, self.tariffs, self.agreements),
        )

    def _changed_keys(self) -> pl.Series:
        """Give the keys of the CDRs of which intake quarantined a second body."""
        changed = self.lake.read(Layer.TYPED, "records").filter(pl.col("rule") == CDR_CHANGED)
        keys = changed.select(pl.col("reason").str.extract(_CHANGED_KEY).alias("cdr_key"))
        return keys.drop_nulls().unique().to_series().sort()

    def _originals(self) -> pl.DataFrame:
        """Read the CDRs that this month's credits refer to, and their other credits, from every month up to it."""
        wanted = self.cdrs.filter("is_credit").select(original_key()).drop_nulls().to_series().unique()
        if wanted.is_empty():
            return self.cdrs.clear()
        months = [each for each in self.lake.months(Layer.TYPED, "cdrs") if each <= self.month]
        every = self.lake.read_months(Layer.TYPED, "cdrs", months)
        is_other = pl.col("is_credit") & original_key().is_in(wanted.implode())
        return every.filter(pl.col("cdr_key").is_in(wanted.implode()) | is_other.fill_null(False))


def standard_vat_rates() -> pl.DataFrame:
    """Give the standard VAT rates of `data/reference`, as `Surroundings.vat_rates` wants them."""
    rows = [
        (rate.country, rate.rate_pct, rate.valid_from, rate.valid_to)
        for rate in vat_rates().rates
        if rate.kind == "standard"
    ]
    schema = {
        "country": pl.String,
        "rate_pct": pl.Decimal(9, 4),
        "vat_valid_from": pl.Date,
        "vat_valid_to": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
