"""What the rules look at: the CDRs to judge, their neighbours, and everything that is known about them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

import polars as pl

from models.frames import beside, only, sorted_by
from models.reconciliation.causes import NO_CAUSES
from models.reconciliation.copies import copies_by_session, copies_by_start, standing
from models.reconciliation.facts import METERS
from models.reconciliation.prices import exceeds_tolerance, with_prices
from models.reconciliation.thresholds import NO_OVERRIDES, Limits
from models.reconciliation.tokens import with_token
from models.schemas.registry import Layer, table
from models.types.money import rounded_expr

_NO_HOURS: Final = Decimal(0)
_SUM: Final = pl.Decimal(38, 9)
_GRACE: Final = timedelta(days=1)
"""how long after the newest CDR of a month the other modules of the same pull may have been received"""


@dataclass(frozen=True)
class Surroundings:
    """What only some rules need; a rule whose table is empty says that it did not look."""

    home_chargers: pl.DataFrame = field(default_factory=table(Layer.MASTER, "home_chargers").empty)
    vat_rates: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={
                "country": pl.String,
                "rate_pct": pl.Decimal(9, 4),
                "vat_valid_from": pl.Date,
                "vat_valid_to": pl.Date,
            }
        )
    )
    """standard VAT rates by country (alpha-2), `vat_valid_to` exclusive or null"""
    currencies: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"country": pl.String, "currency": pl.String})
    )
    """legal tender by country (alpha-2)"""
    changed_keys: pl.Series = field(default_factory=lambda: pl.Series("cdr_key", [], pl.String))
    """keys of CDRs of which a second body was received, and quarantined"""
    originals: pl.DataFrame = field(default_factory=table(Layer.TYPED, "cdrs").empty)
    """CDRs of any month that credits refer to, and all other credits of them"""
    meters: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=METERS))
    """what signed meter values say, by CDR (`meter_facts`)"""
    causes: pl.DataFrame = field(default_factory=lambda: NO_CAUSES)
    """why claimed prices differ, from `models.reconciliation.causes.causes_of`"""


@dataclass(frozen=True)
class Evidence:
    """Frames for the rules. Neighbours stand in `cdrs` with `is_judged` false: witnesses, never findings."""

    cdrs: pl.DataFrame
    """`typed/cdrs` with the columns of `models.reconciliation.facts.cdrs_with_facts`"""
    periods: pl.DataFrame
    matches: pl.DataFrame
    """`matched/matches` of the judged CDRs"""
    priced: pl.DataFrame
    """`priced/wholesale_cdrs` of the judged CDRs"""
    tokens: pl.DataFrame
    """`typed/tokens`; several versions of a token may stand in it"""
    versions: pl.DataFrame
    tariffs_at_start: pl.DataFrame
    """of the judged CDRs, from `models.rating.selection.tariffs_at_start`"""
    limits: Limits = NO_OVERRIDES
    around: Surroundings = field(default_factory=Surroundings)

    @cached_property
    def judged(self) -> pl.DataFrame:
        """The CDRs that a run decides about."""
        return only(self.cdrs, pl.col("is_judged"))

    @cached_property
    def claims(self) -> pl.DataFrame:
        """Judged CDRs that claim money, with what tokens, matching and rating say of each.

        No credits, and nothing that a credit took back. Beside the columns of `cdrs` there are those of `with_token`,
        `with_prices`, `period_sums`, and `match_kind`, `match_reason`.
        """
        found = self.matches.select("cdr_key", "match_kind", pl.col("reason").alias("match_reason"))
        told = beside(beside(self.judged, found), self.period_sums)
        return standing(with_prices(with_token(told, self.tokens), self.priced))

    @cached_property
    def differing(self) -> pl.DataFrame:
        """Claims whose price differs by more than the agreement tolerates."""
        return self.claims.filter(exceeds_tolerance())

    @cached_property
    def credits(self) -> pl.DataFrame:
        """Judged credit CDRs."""
        return self.judged.filter("is_credit")

    @cached_property
    def copies_by_session(self) -> pl.DataFrame:
        """CDRs that repeat a session id, see `models.reconciliation.copies`."""
        return copies_by_session(self.cdrs)

    @cached_property
    def copies_by_start(self) -> pl.DataFrame:
        """CDRs that tell a session again under a new id, see `models.reconciliation.copies`."""
        return copies_by_start(self.cdrs, self.limits)

    @cached_property
    def copies(self) -> pl.Series:
        """Keys of the CDRs that tell a session again."""
        found = (self.copies_by_session, self.copies_by_start)
        return pl.concat([frame.select("cdr_key") for frame in found]).unique().get_column("cdr_key").sort()

    @cached_property
    def sessions(self) -> pl.DataFrame:
        """Standing claims and neighbours but for copies: what can overlap, sorted by start.

        Copies overlap their original by nature and have rules of their own. Token and EVSE stand as numbers, and the
        CDR as the number of its row in `cdrs` (`cdr_number`): they sort and group several times faster than texts.
        """
        wanted = ("cdr_number", "cpo_id", "started_at", "ended_at", "total_energy_kwh")
        token = pl.format("{}*{}", "token_uid", pl.col("token_type").fill_null(""))
        evse = pl.format("{}*{}*{}", "cpo_id", "location_id", "evse_uid")
        columns = ("cdr_key", "is_credit", "is_credited", "token_uid", "token_type", "location_id", "evse_uid")
        numbered_cdrs = self.cdrs.select(*columns, *wanted[1:]).with_row_index("cdr_number")
        kept = standing(numbered_cdrs).filter(~pl.col("cdr_key").is_in(self.copies.implode()))
        numbered = (each.str.to_uppercase().cast(pl.Categorical).to_physical() for each in (token, evse))
        names = ("token_number", "evse_number")
        told = kept.select(*wanted, *(each.alias(name) for each, name in zip(numbered, names, strict=True)))
        return told.sort(pl.col("started_at").dt.epoch("us"), pl.col("ended_at").dt.epoch("us"), "cdr_number")

    @cached_property
    def sessions_by_token(self) -> pl.DataFrame:
        """Those of `sessions` that name a token, by token and then by start."""
        return self.sessions.drop_nulls("token_number").sort("token_number", maintain_order=True)

    def keys(self, numbers: pl.Series) -> pl.Series:
        """Give the keys of CDRs by the number of their row."""
        return self.cdrs.get_column("cdr_key").gather(numbers)

    @cached_property
    def period_sums(self) -> pl.DataFrame:
        """Say per CDR what its periods add up to: `energy`, `first_at`, `last_at`, `told_seconds`.

        `energy` is null where no period says any; `told_seconds`, to the nearest second, where one says no hours.
        """
        hours = ("charging_hours", "parking_hours", "reservation_hours")
        told = sum((pl.col(name).fill_null(_NO_HOURS).cast(_SUM) for name in hours), pl.lit(_NO_HOURS, _SUM))
        is_silent = pl.all_horizontal(pl.col(name).is_null() for name in hours)
        known = self.periods.select(
            "cdr_key",
            "started_at",
            pl.col("energy_kwh"),
            pl.when(~is_silent).then(told).alias("hours"),
        )
        numbered = sorted_by(known, "cdr_key").with_columns(pl.col("cdr_key").rle_id().alias("number"))
        sums = numbered.group_by("number").agg(
            pl.col("cdr_key").first(),
            pl.when(pl.col("energy_kwh").count() > 0).then(pl.col("energy_kwh").sum()).alias("energy"),
            pl.col("started_at").min().alias("first_at"),
            pl.col("started_at").max().alias("last_at"),
            pl.when(pl.col("hours").null_count() == 0)
            .then(rounded_expr(pl.col("hours").sum() * pl.lit(3600, pl.Decimal(38, 0)), 0).cast(pl.Int64))
            .alias("told_seconds"),
        )
        return sums.sort("number").drop("number")

    @cached_property
    def known_until(self) -> datetime | None:
        """The last instant that the judged CDRs were received at, and a day: what is later is not looked at.

        Verdicts depend on records alone, never on the time of the run.
        """
        return known_until(self.judged)


def known_until(cdrs: pl.DataFrame) -> datetime | None:
    """Give the instant up to which the records of a month count as received; None for a month without CDRs."""
    newest: datetime | None = cdrs.select(pl.col("received_at").max()).item()
    return None if newest is None else newest + _GRACE
