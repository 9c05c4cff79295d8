"""Periods lined up with their sessions: those of a session stand together, in order, as the sessions do."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.rating.kernel.exact import Ints, integers


def lined_up(sessions: pl.DataFrame, periods: pl.DataFrame) -> tuple[pl.DataFrame, Ints, Ints]:
    """Bring the periods into the order of the sessions; those of other CDRs are left out.

    Tables that come from the same hand-over are in order already; then nothing is joined or moved.

    Returns:
        The rows, and of each the place of its session and its number.
    """
    starts, heads = runs(periods["cdr_key"])
    owner_of_run = _sessions_of(heads, sessions["cdr_key"])
    owner = np.repeat(owner_of_run, np.diff(starts, append=len(periods)))
    index = integers(periods["period_index"])
    if _is_in_order(owner_of_run, starts, index):
        return periods, owner, index
    rows = periods.with_columns(pl.Series("_owner", owner)).filter(pl.col("_owner") >= 0)
    ordered = rows.sort("_owner", "period_index")
    return ordered.drop("_owner"), integers(ordered["_owner"]), integers(ordered["period_index"])


def runs(column: pl.Series) -> tuple[Ints, pl.Series]:
    """Say where a value differs from the one before, and give those values; two absent ones are alike.

    Goes piece by piece: a table that was read in pieces would be copied to be one.
    """
    starts: list[Ints] = [np.zeros(0, dtype=np.int64)]
    heads = [column.clear()]
    offset = 0
    for piece in filter(len, column.get_chunks()):
        changes = piece.slice(1).ne_missing(piece.slice(0, len(piece) - 1)).to_numpy()
        is_new = not offset or piece[0] != column[offset - 1]
        found = np.flatnonzero(np.append(is_new, changes))
        starts.append(found + offset)
        heads.append(piece.gather(found))
        offset += len(piece)
    return np.concatenate(starts), pl.concat(heads)


def _sessions_of(run_keys: pl.Series, session_keys: pl.Series) -> Ints:
    """Give the place of each key among the sessions, -1 where it is none of theirs."""
    if run_keys.equals(session_keys):
        return np.arange(len(session_keys))
    known = session_keys.to_frame("cdr_key").with_row_index("_owner")
    found = run_keys.to_frame("cdr_key").join(known, on="cdr_key", how="left", maintain_order="left", validate="m:1")
    return integers(found["_owner"], -1)


def _is_in_order(owner_of_run: Ints, starts: Ints, index: Ints) -> bool:
    """Tell whether runs follow the sessions, each session has one, and periods are numbered upwards in each."""
    if len(owner_of_run) and (owner_of_run[0] < 0 or (np.diff(owner_of_run) <= 0).any()):
        return False
    is_start = np.zeros(len(index), dtype=np.bool_)
    is_start[starts] = True
    return bool((is_start[1:] | (index[1:] > index[:-1])).all())
