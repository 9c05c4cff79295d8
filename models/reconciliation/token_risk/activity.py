"""What token risk looks at: every use of every token, as one frame with numbers for tokens, places and EVSEs."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from models.reconciliation.copies import copy_keys, standing, with_credit_status
from models.reconciliation.token_risk.pairs import overlapping
from models.reconciliation.token_risk.thresholds import RISK_DEFAULTS, RiskThresholds
from models.reconciliation.wording import billed
from models.schemas.registry import Layer, table

_DEFAULT_TYPE: Final = "RFID"
"""what OCPI takes a token for where nobody says its type (mod_tokens, PUT)"""
_NOT_HELD: Final = ("APP_USER", "AD_HOC_USER")
"""types that start a session from anywhere: where they are used says nothing about where their owner is"""
_ENERGY: Final = pl.Decimal(18, 9)
_BILLED: Final = pl.Decimal(18, 2)
_RAN: Final = ("ACTIVE", "COMPLETED")
"""states of a session that ran, or runs: a reservation, or one that the CPO takes for invalid, is no use"""

NO_BLOCKS: Final = pl.DataFrame(
    schema={
        "token_uid": pl.String,
        "token_type": pl.String,
        "blocked_at": pl.Datetime("us", "UTC"),
        "unblocked_at": pl.Datetime("us", "UTC"),
    }
)
"""spans in which people had blocked a token, half-open; `unblocked_at` is null while it lasts"""


@dataclass(frozen=True)
class Activity:
    """Frames for the signals. What came before the window stands in `uses` with `is_judged` false: history."""

    month: date
    """the window: a billing month's first day"""
    cdrs: pl.DataFrame
    """`typed/cdrs` of the window and of the months before it"""
    sessions_open: pl.DataFrame = field(default_factory=table(Layer.TYPED, "sessions").empty)
    """`typed/sessions` of the window and the month before; those that a CDR tells are left out"""
    authorized: pl.DataFrame = field(default_factory=table(Layer.TYPED, "authorizations").empty)
    """`typed/authorizations` of the window and the month before, whatever was answered"""
    connectors: pl.DataFrame = field(default_factory=table(Layer.TYPED, "connectors").empty)
    tokens: pl.DataFrame = field(default_factory=table(Layer.TYPED, "tokens").empty)
    """`typed/tokens`; several versions of a token may stand in it"""
    contracts: pl.DataFrame = field(default_factory=table(Layer.MASTER, "contracts").empty)
    blocks: pl.DataFrame = field(default_factory=lambda: NO_BLOCKS)
    limits: RiskThresholds = RISK_DEFAULTS
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """of the company: contracts end at its midnight"""

    @cached_property
    def uses(self) -> pl.DataFrame:
        """Every session and authorization, sorted by token and start; numbers where texts would be slow.

        `use` (the number of its key, see `keys`), `token`, `evse` (numbers, null where unknown), `is_session`,
        `is_held` (a card that has to be there), `started_at`, `ended_at` (of an authorization: the same), `energy_kwh`,
        `amount`, `currency`, `latitude`, `longitude`, `is_judged`.
        """
        placed = self._named.join(self._places, on="location", how="left", maintain_order="left", validate="m:1")
        numbered = placed.select(
            "use",
            "token",
            _numbered(pl.format("{}*{}", "location", pl.col("evse_uid").str.to_uppercase())).alias("evse"),
            "is_session",
            (~pl.col("token_type").is_in(_NOT_HELD)).alias("is_held"),
            *("started_at", "ended_at", "energy_kwh", "amount", "currency", "latitude", "longitude"),
            (pl.col("billing_month") == self.month).alias("is_judged"),
        )
        return numbered.sort("token", "started_at", "use")

    @cached_property
    def sessions(self) -> pl.DataFrame:
        """The uses that are sessions with a beginning and an end."""
        return self.uses.filter(pl.col("is_session") & (pl.col("started_at") < pl.col("ended_at")))

    @cached_property
    def overlaps(self) -> pl.DataFrame:
        """The judged sessions that start while another of their token runs, with that one beside them."""
        return overlapping(self.sessions, timedelta(seconds=self.limits.overlap_seconds))

    def with_keys(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Add the key of each use (`use_key`) and, where there is one, that of the other (`other_use_key`)."""
        keys = self._named.get_column("use_key")
        added = [keys.gather(pairs["use"]).alias("use_key")]
        if "other_use" in pairs.columns:
            added.append(keys.gather(pairs["other_use"]).alias("other_use_key"))
        # In one piece: Polars 2.1 panics where it formats texts out of columns that are cut differently.
        return pairs.with_columns(added).rechunk()

    @cached_property
    def numbers(self) -> pl.DataFrame:
        """One row per token that is used: `token`, `token_uid`, `token_type`."""
        return self._named.select("token", "token_uid", "token_type").unique(subset="token").sort("token")

    @cached_property
    def _named(self) -> pl.DataFrame:
        """Every use as it came, with its number (`use`) and that of its token (`token`)."""
        together = pl.concat([self._of_cdrs(), self._of_sessions(), self._of_authorizations()], how="vertical")
        token = _numbered(pl.format("{}*{}", "token_uid", "token_type"))
        return together.with_columns(token.alias("token")).with_row_index("use")

    @cached_property
    def newest_tokens(self) -> pl.DataFrame:
        """One row per token of ours that is used: `token`, `contract_id`, `group_id`, of its newest version."""
        ordered = self.tokens.sort("last_updated_at", "is_valid").select(
            pl.col("token_uid").str.to_uppercase(), "token_type", "contract_id", "group_id"
        )
        newest = ordered.unique(subset=("token_uid", "token_type"), keep="last", maintain_order=True)
        return self.numbers.join(newest, on=("token_uid", "token_type"), how="inner", validate="1:1")

    def _of_cdrs(self) -> pl.DataFrame:
        claims = standing(with_credit_status(self.cdrs))
        told = claims.filter(~pl.col("cdr_key").is_in(copy_keys(self.cdrs).implode()))
        return self._select(
            told,
            is_session=True,
            use_key=pl.col("cdr_key"),
            ended_at=pl.col("ended_at"),
            energy_kwh=pl.col("total_energy_kwh"),
            amount=billed(pl.col("total_cost_excl_vat")),
            currency=pl.col("currency"),
        )

    def _of_sessions(self) -> pl.DataFrame:
        named = self.cdrs.drop_nulls("session_id")
        known = named.select(pl.format("{}*{}", "cpo_id", "session_id").str.to_uppercase()).to_series().unique()
        is_new = ~pl.col("session_key").is_in(known.implode()) & pl.col("status").is_in(_RAN)
        return self._select(
            self.sessions_open.filter(is_new).with_columns(pl.lit(None, pl.String).alias("token_type")),
            is_session=True,
            use_key=pl.col("session_key"),
            ended_at=pl.col("ended_at").fill_null(pl.col("last_updated_at")),
            energy_kwh=pl.col("energy_kwh"),
        )

    def _of_authorizations(self) -> pl.DataFrame:
        asked = self.authorized.with_columns(pl.col("authorized_at").alias("started_at"))
        return self._select(
            asked, is_session=False, use_key=pl.col("authorization_id"), ended_at=pl.col("authorized_at")
        )

    def _select(self, frame: pl.DataFrame, *, is_session: bool, **facts: pl.Expr) -> pl.DataFrame:
        """Bring one kind of record into the shape of uses; a fact that it has not is unknown."""
        unknown = {"energy_kwh": pl.lit(None), "amount": pl.lit(None), "currency": pl.lit(None)} | facts
        uid = pl.col("token_uid").str.to_uppercase()
        typed = frame.drop_nulls("token_uid").with_columns(uid, unknown.pop("ended_at").alias("ended_at"))
        return self._with_type(typed).select(
            unknown["use_key"].alias("use_key"),
            pl.lit(is_session).alias("is_session"),
            *("token_uid", "token_type"),
            pl.format("{}*{}", "cpo_id", "location_id").str.to_uppercase().alias("location"),
            "evse_uid",
            *("started_at", "ended_at"),
            unknown["energy_kwh"].cast(_ENERGY).alias("energy_kwh"),
            unknown["amount"].cast(_BILLED).alias("amount"),
            unknown["currency"].cast(pl.String).alias("currency"),
            "billing_month",
        )

    def _with_type(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Fill in the type of tokens that came without: that of the uid's newest valid token, else RFID."""
        if not frame["token_type"].has_nulls():
            return frame
        ordered = self.tokens.sort("is_valid", "last_updated_at", "token_type")
        known = ordered.select(pl.col("token_uid").str.to_uppercase(), pl.col("token_type").alias("_type"))
        newest = known.unique(subset="token_uid", keep="last", maintain_order=True)
        joined = frame.join(newest, on="token_uid", how="left", maintain_order="left", validate="m:1")
        return joined.with_columns(pl.coalesce("token_type", "_type", pl.lit(_DEFAULT_TYPE)).alias("token_type"))

    @cached_property
    def _places(self) -> pl.DataFrame:
        """One row per location with coordinates."""
        known = self.connectors.drop_nulls(["latitude", "longitude"]).sort("connector_key")
        return known.select(
            pl.format("{}*{}", "cpo_id", "location_id").str.to_uppercase().alias("location"),
            *(pl.col(name).cast(pl.Float64) for name in ("latitude", "longitude")),
        ).unique(subset="location", keep="first", maintain_order=True)


def _numbered(text: pl.Expr) -> pl.Expr:
    """Number texts: numbers sort and group several times faster; what is unknown stays so."""
    return text.cast(pl.Categorical).to_physical()
