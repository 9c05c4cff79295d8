"""`roamledger reprice`: what a past month would have come to under another plan or tariff. It stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.billing.amounts import billed
from models.schemas.registry import Layer
from models.types.money import rounded
from pipelines.commands.close import parse_month
from pipelines.lib.errors import UserError
from pipelines.lib.frame_files import check_output, is_json, write_frames, write_json
from pipelines.lib.lake import Lake
from pipelines.lib.settings import load_settings
from pipelines.lib.what_if import (
    WhatIf,
    all_effects,
    effects_by,
    not_compared,
    open_prices,
    read_tariff_file,
    reprice_by_plan,
    reprice_by_tariff,
)

_SHOWN: Final = 20
"""customers shown, those with the largest difference first; a file has them all"""


def run(
    text: str, plan: str | None, tariff: Path | None, ocpi_version: str, output: Path | None, console: Console
) -> int:
    """Answer the question, and show or write its effect; give the exit code.

    Args:
        text: the month.
        plan: a plan of the master data, or
        tariff: a file with an OCPI Tariff object.
        ocpi_version: of that file.
        output: a CSV, Parquet or JSON file that gets every sum and every session.
        console: shows the sums.

    Raises:
        UserError: when not exactly one of plan and tariff is given, or one of them, the month or a file is not there.
    """
    month = parse_month(text)
    check_output(output)
    lake = Lake(load_settings().lake)
    with console.status(f"pricing {month} again"):
        if plan is not None and tariff is None:
            answer = reprice_by_plan(lake, month, plan)
        elif tariff is not None and plan is None:
            answer = reprice_by_tariff(lake, month, read_tariff_file(tariff, ocpi_version))
        else:
            msg = "reprice: give one of --plan PLAN and --tariff FILE"
            raise UserError(msg)
    _show(answer, lake, console)
    if output is not None:
        console.print(f"Written: {', '.join(map(str, _write(output, answer)))}", highlight=False, markup=False)
    return 0


def _write(output: Path, answer: WhatIf) -> list[Path]:
    if not is_json(output):
        return write_frames(output, {"effects": all_effects(answer), "sessions": answer.sessions})
    return write_json(
        output,
        {
            "month": str(answer.month),
            "question": answer.question,
            "comparison": answer.comparison,
            "remarks": [*open_prices(answer), *answer.remarks],
            "by_customer": effects_by(answer, "account_id"),
            "by_cpo": effects_by(answer, "cpo_id"),
            "total": effects_by(answer),
            "not_compared": not_compared(answer),
            "sessions": answer.sessions,
        },
    )


def _show(answer: WhatIf, lake: Lake, console: Console) -> None:
    console.print(f"[bold]What if:[/] {escape(answer.question)}", highlight=False)
    console.print(answer.comparison, style="dim", highlight=False)
    customers, cpos = effects_by(answer, "account_id"), effects_by(answer, "cpo_id")
    if cpos.is_empty():
        console.print("No session of the month can be compared.")
    else:
        accounts = dict(lake.read(Layer.MASTER, "accounts").select("account_id", "name").iter_rows())
        agreements = dict(lake.read(Layer.MASTER, "agreements").select("cpo_id", "name").iter_rows())
        console.print(_sums("By customer", _largest(customers), _namer(accounts)))
        _say_how_many(customers, console)
        console.print(_sums("By CPO", cpos, _namer(agreements)))
        console.print(_totals(effects_by(answer)))
    _show_not_compared(answer, console)
    for remark in (
        *open_prices(answer),
        *answer.remarks,
        "Nothing that was issued was touched, and nothing was stored.",
    ):
        console.print(remark, highlight=False, markup=False)


def _largest(customers: pl.DataFrame) -> pl.DataFrame:
    return customers.sort(pl.col("difference_amount").abs(), "account_id", descending=[True, False]).head(_SHOWN)


def _say_how_many(customers: pl.DataFrame, console: Console) -> None:
    if customers.height > _SHOWN:
        more = f"the {_SHOWN} largest differences of {customers.height} (--output FILE has all)"
        console.print(more, style="dim", highlight=False)


def _namer(names: dict[str, str]) -> Callable[[str | None], str]:
    """Give a function that writes a key with the name that the books have for it."""
    return lambda key: "(no customer)" if key is None else f"{key} {names.get(key, '')}".rstrip()


def _sums(title: str, frame: pl.DataFrame, named: Callable[[str | None], str]) -> Table:
    table = _table(title, "", *_FIGURES)
    for row in frame.iter_rows(named=True):
        table.add_row(escape(named(row[frame.columns[0]])), *_figures(row))
    return table


def _totals(frame: pl.DataFrame) -> Table:
    """Show the totals: as compared, then net as it would be billed, then the margin, each where there is one."""
    table = _table("Total", "", *_FIGURES)
    for row in frame.iter_rows(named=True):
        table.add_row("as compared", *_figures(row))
    for name, words, side in (("net", "line nets as billed", "excl. VAT"), ("margin", "margin", "net")):
        for row in _by_currency(frame, name).iter_rows(named=True):
            table.add_row(words, *_figures(row | {"price_side": side}))
    return table


def _by_currency(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Sum `net` or `margin` over both sides of VAT, by currency; margin counts only the sessions that have one."""
    before, after = pl.col(f"{name}_before_amount").sum(), pl.col(f"{name}_after_amount").sum()
    sessions = pl.col("margin_sessions" if name == "margin" else "sessions").sum()
    known = frame.drop_nulls(f"{name}_before_amount")
    summed = known.group_by("currency").agg(
        sessions.alias("sessions"),
        pl.lit(None).alias("energy_kwh") if name == "margin" else pl.col("energy_kwh").sum(),
        before.alias("before_amount"),
        after.alias("after_amount"),
        (after - before).alias("difference_amount"),
    )
    return summed.sort("currency")


def _show_not_compared(answer: WhatIf, console: Console) -> None:
    left_out = not_compared(answer)
    if left_out.is_empty():
        return
    table = _table("Not compared: in none of the sums above", "why", "sessions", "kWh")
    for reason, sessions, energy in left_out.iter_rows():
        table.add_row(escape(str(reason)), f"{sessions:,}", _energy(energy))
    console.print(table)


_FIGURES: Final = ("sessions", "kWh", "before", "after", "difference", "", "")


def _figures(row: Mapping[str, object]) -> tuple[str, ...]:
    return (
        f"{row['sessions']:,}",
        _energy(row["energy_kwh"]),
        _money(row["before_amount"]),
        _money(row["after_amount"]),
        _money(row["difference_amount"], sign="+"),
        str(row["currency"]),
        str(row["price_side"]),
    )


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for place, name in enumerate(names):
        is_figure = place > 0 and name
        table.add_column(name, justify="right" if is_figure else "left", no_wrap=bool(place))
    return table


def _energy(kwh: object) -> str:
    return f"{rounded(kwh, 1):,f}" if isinstance(kwh, Decimal) else ""


def _money(amount: object, sign: str = "") -> str:
    return f"{billed(amount):{sign},.2f}" if isinstance(amount, Decimal) else "unknown"
