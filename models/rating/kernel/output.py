"""Priced arrays as frames that fit `priced.RatedCdrs` and `priced.RatedComponents`."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

import numpy as np
import polars as pl

from models.rating.kernel.amounts import Rows
from models.rating.kernel.choosing import NO_VERSION
from models.rating.kernel.exact import Flags, Ints, decimals, decimals_of_pieces
from models.rating.kernel.facts import PRICED, REASONS
from models.rating.kernel.matching import CHARGING, ENERGY, PARKING, SLOTS
from models.rating.kernel.rulebook import MODES, NO_RATE
from models.rating.kernel.totals import TOTAL, Difference, Side
from models.rating.outcome import Note, Reason
from models.schemas.registry import Layer, table
from models.types.money import PERCENT, PRECISE, VOLUME
from models.types.vocabularies import ComponentKind, RatingOutcome

if TYPE_CHECKING:
    from models.rating.kernel.pricing import Priced
    from models.rating.kernel.tables import Tables
    from models.rating.policy import Policy

_CDR_COLUMNS: Final = tuple(table(Layer.PRICED, "wholesale_cdrs").schema)
_COMPONENT_COLUMNS: Final = tuple(table(Layer.PRICED, "wholesale_components").schema)
_BILLED: Final = {
    "billed_energy_kwh": ENERGY,
    "billed_charging_hours": CHARGING,
    "billed_parking_hours": PARKING,
}
_Column = TypeVar("_Column", Ints, Flags)
_STAGES: Final = ("volume", "step", "period rounding", "limit", "rounding", "credit")
"""The order in which a session's rows are listed; the first has volumes and fixed fees, by period."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said about the sessions of a batch, one entry each; amounts in 1e-12 with whether they are known."""

    version: Ints
    mode: Ints
    notes: Ints
    """one bit per `Note`"""
    amounts: dict[str, tuple[Ints, Flags]]


def told_of(priced: Priced) -> Told:
    """Take from a batch what its rows of CDRs say; a session that is not priced has no amounts."""
    place = _places(priced)
    return Told(
        version=_spread(priced.work.version, place, NO_VERSION),
        mode=_spread(priced.work.mode, place, -1),
        notes=_notes(priced, place),
        amounts={**_amounts(priced, place), **_intervals(priced)},
    )


def cdr_frame(tables: Tables, policy: Policy, told: list[Told], threads: Executor) -> pl.DataFrame:
    """Give one row per session, in the order given; a session that is not priced has its reason."""
    reason = tables.sessions.reason
    outcomes = pl.Series([str(RatingOutcome.NOT_PRICED)] * PRICED + [str(RatingOutcome.PRICED)])
    sentences = pl.Series([*(str(word) for word in REASONS), None], dtype=pl.String)
    modes = pl.Series([str(mode) for mode in MODES])
    words = {
        "outcome": threads.submit(outcomes.gather, reason),
        "reason": threads.submit(sentences.gather, reason),
        "tariff_version_id": threads.submit(
            _word, tables.book.versions.ids, np.concatenate([part.version for part in told])
        ),
        "tax_included": threads.submit(_word, modes, np.concatenate([part.mode for part in told])),
        "notes": threads.submit(_listed, np.concatenate([part.notes for part in told])),
    }
    amounts = threads.map(partial(_amount, told), told[0].amounts)
    columns = dict(zip(told[0].amounts, amounts, strict=True))
    columns |= {name: word.result() for name, word in words.items()}
    return (
        tables.sessions.frame.select("cdr_key", "currency", "billing_month")
        .with_columns(
            *(column.alias(name) for name, column in columns.items()),
            pl.lit(str(policy)).alias("policy"),
        )
        .select(_CDR_COLUMNS)
    )


def _amount(told: list[Told], name: str) -> pl.Series:
    known = np.concatenate([part.amounts[name][1] for part in told])
    if not known.any():
        return pl.repeat(None, len(known), dtype=PRECISE, eager=True)
    return decimals_of_pieces([part.amounts[name][0] for part in told], known, PRECISE)


def component_frame(priced: Priced) -> pl.DataFrame:
    """Give one row per priced component: sessions in the order given, then as `_STAGES` has it."""
    parts = [
        *(_component_rows(priced, rows) for rows in priced.work.rows),
        _period_rounding_rows(priced),
        _total_rows(priced, ComponentKind.LIMIT, priced.work.totals.limit),
        _total_rows(priced, ComponentKind.ROUNDING, priced.work.totals.rounding),
        _total_rows(priced, ComponentKind.CREDIT, priced.work.totals.credit),
    ]
    numbered = (
        pl.concat(parts, how="vertical")
        .sort("session", "stage", "period", "slot")
        .with_columns(
            pl.int_range(pl.len()).over("session").cast(pl.Int32).alias("row_index"),
            pl.lit(str(priced.policy)).alias("policy"),
        )
    )
    keys = priced.sessions.frame.select("cdr_key", "billing_month")[numbered["session"]]
    return pl.concat([keys, numbered], how="horizontal").select(_COMPONENT_COLUMNS)


def _places(priced: Priced) -> Ints:
    """Say for each session where its entry stands among sessions with periods; -1 where it is not priced."""
    place = np.full(len(priced.sessions.frame), -1, dtype=np.int64)
    place[priced.work.periods.owners] = np.arange(len(priced.work.periods.owners))
    return np.where(priced.sessions.reason == PRICED, place, -1)


def _spread(values: _Column, place: Ints, absent: int) -> _Column:
    """Bring one value per session with periods to all sessions."""
    is_everyone = len(values) == len(place) and bool((place >= 0).all())
    return values if is_everyone else cast("_Column", np.append(values, absent)[place])


def _word(words: pl.Series, code: Ints) -> pl.Series:
    """Look words up by code; a negative code is null."""
    return pl.concat([words, pl.Series([None], dtype=pl.String)]).gather(np.where(code < 0, len(words), code))


def _amounts(priced: Priced, place: Ints) -> dict[str, tuple[Ints, Flags]]:
    columns: dict[str, tuple[Ints, Flags]] = {}
    for vat, sides in (("excl_vat", priced.work.totals.excl), ("incl_vat", priced.work.totals.incl)):
        for name, side in sides.items():
            columns[f"{name}_{vat}"] = _spread(side.amount, place, 0), _spread(side.known, place, False)
    for name, slot in _BILLED.items():
        columns[name] = _spread(priced.work.steps.billed[slot], place, 0), place >= 0
    return columns


def _intervals(priced: Priced) -> dict[str, tuple[Ints, Flags]]:
    """Give the interval of possible prices where the CDR leaves its price open."""
    n = len(priced.sessions.frame)
    columns: dict[str, tuple[Ints, Flags]] = {}
    for end in ("low", "high"):
        for side in ("excl", "incl"):
            amount, known = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
            for work in filter(None, (priced.work, priced.unzoned)):
                found: Side = getattr(work.openness, end)[side]
                amount[work.periods.owners] = found.amount
                known[work.periods.owners] = found.known & work.openness.is_open
            known &= priced.sessions.reason != REASONS.index(Reason.OUT_OF_RANGE)
            columns[f"price_{end}_{side}_vat"] = amount, known
    return columns


def _notes(priced: Priced, place: Ints) -> Ints:
    """Give the notes of each session as bits."""
    mask = np.zeros(len(priced.work.periods.owners), dtype=np.int64)
    for bit, note in enumerate(Note):
        if note in priced.work.notes:
            mask |= priced.work.notes[note].astype(np.int64) << bit
    spread = _spread(mask, place, 0)
    unzoned = priced.sessions.reason == REASONS.index(Reason.NO_TIME_ZONE)
    spread[unzoned] = 1 << list(Note).index(Note.MISSING_ZONE)
    return spread


def _listed(notes: Ints) -> pl.Series:
    """Give lists of notes; few combinations occur, so each is written once and looked up."""
    masks = np.flatnonzero(np.bincount(notes, minlength=1))
    code = np.zeros(int(masks[-1]) + 1 if len(masks) else 1, dtype=np.int64)
    code[masks] = np.arange(len(masks))
    lists = [[str(note) for bit, note in enumerate(Note) if mask >> bit & 1] for mask in masks.tolist()]
    return pl.Series(lists, dtype=pl.List(pl.String)).gather(code[notes])


def _component_rows(priced: Priced, rows: Rows) -> pl.DataFrame:
    listed = priced.sessions.reason[priced.work.periods.session[rows.period]] == PRICED
    period, component = rows.period[listed], rows.component[listed]
    rules = priced.book.components
    rate = rules.vat_rate[component]
    is_step = rows.kind is ComponentKind.STEP
    volume = decimals(rows.volume[listed], None, VOLUME)
    place = np.zeros_like(period) if is_step else period
    stage = _STAGES.index("step" if is_step else "volume")
    return _placed(priced.work.periods.session[period], stage, place, SLOTS.index(rows.slot)).with_columns(
        pl.lit(str(rows.kind)).alias("kind"),
        pl.Series("period_index", priced.work.periods.index[period], dtype=pl.Int32),
        pl.lit(str(rows.slot[1])).alias("dimension"),
        pl.lit(rows.slot[0]).alias("is_reservation"),
        priced.book.versions.ids.gather(rules.version[component]).alias("tariff_version_id"),
        pl.Series("element_index", rules.element_index[component], dtype=pl.Int32),
        pl.Series("component_index", rules.component_index[component], dtype=pl.Int32),
        pl.repeat(None, len(period), dtype=VOLUME, eager=True).alias("volume") if is_step else volume.alias("volume"),
        volume.alias("billed_volume"),
        decimals(rules.unit_price[component], None, VOLUME).alias("unit_price"),
        decimals(rate, rate != NO_RATE, PERCENT).alias("vat_rate_pct"),
        decimals(rows.excl[listed], rows.excl_known[listed], PRECISE).alias("amount_excl_vat"),
        decimals(rows.incl[listed], rows.incl_known[listed], PRECISE).alias("amount_incl_vat"),
    )


def _placed(session: Ints, stage: int, period: Ints, slot: int) -> pl.DataFrame:
    n = len(session)
    return pl.DataFrame({"session": session, "stage": np.full(n, stage), "period": period, "slot": np.full(n, slot)})


def _period_rounding_rows(priced: Priced) -> pl.DataFrame:
    """Give what rounding the sum of a period added: rows of their own, so that all rows still add up to the total."""
    added = priced.work.totals.period_rounding
    moved = (added.excl != 0) | (added.incl != 0)
    period = np.flatnonzero(moved & (priced.sessions.reason[priced.work.periods.session] == PRICED))
    owner = priced.work.periods.owner[period]
    known = (priced.work.totals.excl[TOTAL].known[owner], priced.work.totals.incl[TOTAL].known[owner])
    frame = _placed(priced.work.periods.session[period], _STAGES.index("period rounding"), period, 0)
    index = pl.Series("period_index", priced.work.periods.index[period], dtype=pl.Int32)
    amounts = Difference(added.excl[period], added.incl[period])
    return _whole_rows(priced, frame, ComponentKind.ROUNDING, index, priced.work.period_version[period], amounts, known)


def _total_rows(priced: Priced, kind: ComponentKind, added: Difference) -> pl.DataFrame:
    """Give what limits, rounding or a credit added to the total, in the same way."""
    owners = priced.work.periods.owners
    moved = (added.excl != 0) | (added.incl != 0)
    listed = np.flatnonzero(moved & (priced.sessions.reason[owners] == PRICED))
    frame = _placed(owners[listed], _STAGES.index(str(kind)), np.zeros_like(listed), 0)
    index = pl.repeat(None, len(listed), dtype=pl.Int32, eager=True).alias("period_index")
    known = (priced.work.totals.excl[TOTAL].known[listed], priced.work.totals.incl[TOTAL].known[listed])
    amounts = Difference(added.excl[listed], added.incl[listed])
    first = priced.work.period_version[priced.work.periods.starts[listed]]
    return _whole_rows(priced, frame, kind, index, first, amounts, known)


def _whole_rows(
    priced: Priced,
    frame: pl.DataFrame,
    kind: ComponentKind,
    period_index: pl.Series,
    version: Ints,
    added: Difference,
    known: tuple[Flags, Flags],
) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(str(kind)).alias("kind"),
        period_index,
        pl.lit(None, pl.String).alias("dimension"),
        pl.lit(False).alias("is_reservation"),
        priced.book.versions.ids.gather(version).alias("tariff_version_id"),
        pl.lit(None, pl.Int32).alias("element_index"),
        pl.lit(None, pl.Int32).alias("component_index"),
        pl.lit(None, VOLUME).alias("volume"),
        pl.lit(None, VOLUME).alias("billed_volume"),
        pl.lit(None, VOLUME).alias("unit_price"),
        pl.lit(None, PERCENT).alias("vat_rate_pct"),
        decimals(added.excl, known[0], PRECISE).alias("amount_excl_vat"),
        decimals(added.incl, known[1], PRECISE).alias("amount_incl_vat"),
    )
