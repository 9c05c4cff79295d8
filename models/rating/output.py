"""Priced arrays as frames that fit `priced.RatedCdrs` and `priced.RatedComponents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from models.rating.amounts import Rows
from models.rating.exact import Ints, decimals
from models.rating.facts import NO_VERSION, PRICED, REASONS
from models.rating.matching import SLOTS
from models.rating.outcome import Note
from models.rating.rulebook import MODES, NO_RATE
from models.rating.steps import CHARGING, ENERGY, PARKING
from models.rating.totals import TOTAL
from models.schemas.registry import Layer, table
from models.types.money import PERCENT, PRECISE, VOLUME
from models.types.vocabularies import ComponentKind, RatingOutcome

if TYPE_CHECKING:
    from models.rating.kernel import Priced

_BILLED: Final = {
    "billed_energy_kwh": ENERGY,
    "billed_charging_hours": CHARGING,
    "billed_parking_hours": PARKING,
}
_LIMIT_STAGE: Final = 2
"""A session's rows are listed in stages: volumes and fixed fees by period, then steps, then the limit."""


def cdr_frame(priced: Priced) -> pl.DataFrame:
    """Give one row per session, in the order given; a session that is not priced has its reason and no amounts."""
    reason = priced.sessions.reason
    words = pl.Series([str(RatingOutcome.NOT_PRICED)] * PRICED + [str(RatingOutcome.PRICED)])
    sentences = pl.Series([*(str(word) for word in REASONS), None], dtype=pl.String)
    place = _places(priced)
    columns = {
        "outcome": words.gather(reason),
        "reason": sentences.gather(reason),
        "tariff_version_id": _word(priced.book.versions.ids, _spread(priced.version, place, NO_VERSION)),
        "tax_included": _word(pl.Series([str(mode) for mode in MODES]), _spread(priced.mode, place, -1)),
        "notes": _notes(priced, place),
        **_amounts(priced, place),
    }
    frame = priced.sessions.frame.select("cdr_key", "currency", "billing_month").with_columns(
        *(column.alias(name) for name, column in columns.items()),
        pl.lit(str(priced.policy)).alias("policy"),
    )
    return frame.select(list(table(Layer.PRICED, "wholesale_cdrs").schema))


def component_frame(priced: Priced) -> pl.DataFrame:
    """Give one row per priced component: sessions in the order given, then periods, then steps, then the limit."""
    parts = [_component_rows(priced, rows) for rows in priced.rows]
    rows = pl.concat([*parts, _limit_rows(priced)], how="vertical")
    numbered = rows.sort("session", "stage", "period", "slot").with_columns(
        pl.int_range(pl.len()).over("session").cast(pl.Int32).alias("row_index"),
    )
    keys = priced.sessions.frame.select("cdr_key", "billing_month")[numbered["session"]]
    return pl.concat([keys, numbered], how="horizontal").select(
        list(table(Layer.PRICED, "wholesale_components").schema)
    )


def _places(priced: Priced) -> Ints:
    """Say for each session where its entry stands among sessions with periods; -1 where it is not priced."""
    place = np.full(len(priced.sessions.frame), -1, dtype=np.int64)
    place[priced.periods.owners] = np.arange(len(priced.periods.owners))
    return np.where(priced.sessions.reason == PRICED, place, -1)


def _spread(values: Ints, place: Ints, absent: int) -> Ints:
    """Bring one value per session with periods to all sessions."""
    return np.append(values, absent)[place]


def _word(words: pl.Series, code: Ints) -> pl.Series:
    """Look words up by code; a negative code is null."""
    return pl.concat([words, pl.Series([None], dtype=pl.String)]).gather(np.where(code < 0, len(words), code))


def _amounts(priced: Priced, place: Ints) -> dict[str, pl.Series]:
    columns: dict[str, pl.Series] = {}
    for vat, sides in (("excl_vat", priced.totals.excl), ("incl_vat", priced.totals.incl)):
        for name, side in sides.items():
            known = np.append(side.known, False)[place]
            columns[f"{name}_{vat}"] = decimals(_spread(side.amount, place, 0), known, PRECISE)
    for name, slot in _BILLED.items():
        columns[name] = decimals(_spread(priced.steps.billed[slot], place, 0), place >= 0, PRECISE)
    return columns


def _notes(priced: Priced, place: Ints) -> pl.Series:
    """Give lists of notes; few combinations occur, so each is written once and looked up."""
    mask = np.zeros(len(priced.periods.owners), dtype=np.int64)
    for bit, note in enumerate(Note):
        mask |= priced.notes[note].astype(np.int64) << bit
    masks, code = np.unique(_spread(mask, place, 0), return_inverse=True)
    lists = [[str(note) for bit, note in enumerate(Note) if mask >> bit & 1] for mask in masks.tolist()]
    return pl.Series(lists, dtype=pl.List(pl.String)).gather(code)


def _component_rows(priced: Priced, rows: Rows) -> pl.DataFrame:
    listed = priced.sessions.reason[priced.periods.session[rows.period]] == PRICED
    period, component = rows.period[listed], rows.component[listed]
    rules = priced.book.components
    rate = rules.vat_rate[component]
    is_step = rows.kind is ComponentKind.STEP
    order = {
        "session": priced.periods.session[period],
        "stage": np.full(len(period), int(is_step)),
        "period": np.zeros_like(period) if is_step else period,
        "slot": np.full(len(period), SLOTS.index(rows.slot)),
    }
    return pl.DataFrame(order).with_columns(
        pl.lit(str(rows.kind)).alias("kind"),
        pl.Series("period_index", priced.periods.index[period], dtype=pl.Int32),
        pl.lit(str(rows.slot[1])).alias("dimension"),
        pl.lit(rows.slot[0]).alias("is_reservation"),
        priced.book.versions.ids.gather(rules.version[component]).alias("tariff_version_id"),
        pl.Series("element_index", rules.element_index[component], dtype=pl.Int32),
        pl.Series("component_index", rules.component_index[component], dtype=pl.Int32),
        decimals(rows.volume[listed], None, VOLUME).alias("volume"),
        decimals(rules.unit_price[component], None, VOLUME).alias("unit_price"),
        decimals(rate, rate != NO_RATE, PERCENT).alias("vat_rate_pct"),
        decimals(rows.excl[listed], rows.excl_known[listed], PRECISE).alias("amount_excl_vat"),
        decimals(rows.incl[listed], rows.incl_known[listed], PRECISE).alias("amount_incl_vat"),
    )


def _limit_rows(priced: Priced) -> pl.DataFrame:
    """Give what min_price and max_price added: a row of its own, so that the rows still add up to the total."""
    totals, owners = priced.totals, priced.periods.owners
    moved = (totals.limit_excl != 0) | (totals.limit_incl != 0)
    listed = np.flatnonzero(moved & (priced.sessions.reason[owners] == PRICED))
    order = {
        "session": owners[listed],
        "stage": np.full(len(listed), _LIMIT_STAGE),
        "period": np.zeros_like(listed),
        "slot": np.zeros_like(listed),
    }
    return pl.DataFrame(order).with_columns(
        pl.lit(str(ComponentKind.LIMIT)).alias("kind"),
        pl.lit(None, pl.Int32).alias("period_index"),
        pl.lit(None, pl.String).alias("dimension"),
        pl.lit(False).alias("is_reservation"),
        priced.book.versions.ids.gather(priced.version[listed]).alias("tariff_version_id"),
        pl.lit(None, pl.Int32).alias("element_index"),
        pl.lit(None, pl.Int32).alias("component_index"),
        pl.lit(None, VOLUME).alias("volume"),
        pl.lit(None, VOLUME).alias("unit_price"),
        pl.lit(None, PERCENT).alias("vat_rate_pct"),
        decimals(totals.limit_excl[listed], totals.excl[TOTAL].known[listed], PRECISE).alias("amount_excl_vat"),
        decimals(totals.limit_incl[listed], totals.incl[TOTAL].known[listed], PRECISE).alias("amount_incl_vat"),
    )
