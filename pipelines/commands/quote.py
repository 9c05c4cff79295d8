"""`roamledger quote`: the price catalogue, grouped by what is the same; a file has it connector by connector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Final

import polars as pl
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.billing.amounts import billed
from models.types.money import rounded
from pipelines.lib.frame_files import check_output, is_json, write_frames, write_json
from pipelines.lib.lake import Lake
from pipelines.lib.quotes import DEFAULT_SESSIONS, Catalogue, Profile, price_catalogue, read_profile, read_start
from pipelines.lib.quotes.profiles import duration_words
from pipelines.lib.settings import load_settings

Row = Mapping[str, object]

_PLANS_BESIDE: Final = 3
"""plans that fit beside one another in 120 columns"""

_LINES: Final = 60
"""lines of one table; a file has them all"""

_PLACE: Final = ("cpo_id", "country", "wholesale_tariff_id", "current_type", "wholesale_currency", "wholesale_excl_vat")
_SAME: Final = (*_PLACE, "time_zone", "vat_rate_pct", "tariff_version_id", "price_amount", "margin_amount", "currency")
"""what connectors share that are shown in one line"""


def run(
    sessions: Sequence[str],
    at: str,
    plan: str | None,
    connectors: Sequence[str],
    output: Path | None,
    console: Console,
) -> int:
    """Quote, and show or write the catalogue; give the exit code.

    Args:
        sessions: reference sessions in words; two of our own where none is given.
        at: when they start, see `pipelines.lib.quotes.profiles.read_start`.
        plan: only this plan.
        connectors: only these EVSE ids or connector keys.
        output: a CSV, Parquet or JSON file that gets every quote and every component.
        console: shows the catalogue.

    Raises:
        UserError: when a session, the time, the plan, a connector or the file cannot be.
    """
    settings = load_settings()
    profiles = [read_profile(text) for text in dict.fromkeys(sessions or DEFAULT_SESSIONS)]
    start = read_start(at, settings.clock())
    check_output(output)
    with console.status("pricing reference sessions"):
        catalogue = price_catalogue(Lake(settings.lake), start, profiles, plan, connectors)
    _show(catalogue, console)
    if output is not None:
        console.print(f"Written: {', '.join(map(str, _write(output, catalogue)))}", highlight=False, markup=False)
    return 0


def _write(output: Path, catalogue: Catalogue) -> list[Path]:
    frames = {"quotes": catalogue.quotes, "components": catalogue.components}
    if not is_json(output):
        return write_frames(output, frames)
    lists = [_nested(rows) for rows in catalogue.components.partition_by(_LIST_KEY, maintain_order=True)]
    content = {"start": str(catalogue.start), "price_lists": lists, "quotes": catalogue.quotes}
    return write_json(output, content)


_LIST_KEY: Final = ("plan_id", "current_type", "place_country", "tariff_version_id")


def _nested(components: pl.DataFrame) -> dict[str, object]:
    """Give a price list with its components inside."""
    key = dict(zip(_LIST_KEY, components.select(_LIST_KEY).row(0), strict=True))
    return {**key, "components": components.drop(_LIST_KEY)}


def _show(catalogue: Catalogue, console: Console) -> None:
    console.print(f"[bold]Prices[/] of sessions that start at {catalogue.start}", highlight=False)
    console.print(_price_lists(catalogue.components))
    for line in (
        "Of several prices of the same kind the first that applies counts.",
        f"VAT at the place, for a consumer: {', '.join(_vat(catalogue.quotes))}",
    ):
        console.print(line, style="dim", highlight=False)
    plans = catalogue.quotes["plan_id"].unique().sort().to_list()
    for profile in catalogue.profiles:
        rows = catalogue.quotes.filter(pl.col("session") == profile.name)
        for first in range(0, len(plans), _PLANS_BESIDE):
            console.print(_session(profile, rows, plans[first : first + _PLANS_BESIDE]))
    for line in _summary(catalogue):
        console.print(line, highlight=False, markup=False)


def _price_lists(components: pl.DataFrame) -> Table:
    """Show what plans charge, once for all places: only VAT differs between them."""
    key = ["plan_id", "current_type", "tariff_version_id", "position"]
    rows = components.unique(key, keep="first", maintain_order=True).sort(key).to_dicts()
    table = Table(title="What the plans charge", title_justify="left", header_style="bold")
    for name in ("plan", "", "component", "price", "", "", "when", "in steps"):
        table.add_column(name, justify="right" if name == "price" else "left", no_wrap=name != "when")
    for _, listed in groupby(rows, key=lambda row: (row["plan_id"], row["current_type"])):
        for place, row in enumerate(listed):
            head = ("", "") if place else (escape(row["plan_id"]), row["current_type"])
            side = "incl. VAT" if row["is_vat_included"] else "excl. VAT"
            when = escape(row["applies"] or "always")
            table.add_row(*head, row["component"], _price(row["price"]), row["currency"], side, when, row["steps"])
        table.add_section()
    return table


def _vat(quotes: pl.DataFrame) -> Iterator[str]:
    rates = quotes.select("country", "vat_rate_pct").unique().sort("country", "vat_rate_pct", nulls_last=True)
    for country, rate in rates.iter_rows():
        yield f"{country or 'no country'} {'unknown' if rate is None else f'{rate.normalize():f} %'}"


def _session(profile: Profile, quotes: pl.DataFrame, plans: Sequence[str]) -> Table:
    """Show a reference session: a line per tariff of a CPO, with the price and the margin of every plan."""
    table = Table(
        title=f"[bold]{profile.name}[/] [dim]({_course(profile)})[/]",
        title_justify="left",
        header_style="bold",
        box=SIMPLE,
    )
    table.add_column("CPO", no_wrap=True)
    table.add_column("tariff", overflow="fold")
    table.add_column("", no_wrap=True)
    for name in ("EVSEs", "able", "wholesale\nexcl. VAT"):
        table.add_column(name, justify="right", no_wrap=True)
    for plan in plans:
        # folded, never cut: a digit that is missing is a wrong price
        table.add_column(f"{escape(plan)}\n{_side(quotes, plan)}", justify="right", overflow="fold", min_width=9)
        table.add_column("margin\nnet", justify="right", no_wrap=True)
    lines = list(_lines(quotes, plans))
    for able, line in lines[:_LINES]:
        table.add_row(*line, style="" if able else "dim")
    if len(lines) > _LINES:
        table.caption = f"the first {_LINES} of {len(lines):,} lines (--output FILE has all, --connector fewer)"
    return table


def _course(profile: Profile) -> str:
    """Say what a session is, so that nobody has to guess what its words mean."""
    charging = f"{rounded(profile.power_kw, 1).normalize():f} kW for {duration_words(profile.charging)}"
    return f"{charging}, then idle for {duration_words(profile.idle)}" if profile.idle else charging


def _lines(quotes: pl.DataFrame, plans: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Give how many connectors of a line have the power, and its cells."""
    grouped = quotes.group_by("plan_id", *_SAME).agg(
        pl.len().alias("connectors"), pl.col("is_possible").sum().alias("able"), pl.col("connector_key").min()
    )
    # connectors of one line share everything under every plan, so their first key names the line
    ordered = grouped.sort(*_PLACE, "connector_key", "plan_id", nulls_last=True).to_dicts()
    for _, rows in groupby(ordered, key=lambda row: (*(row[name] for name in _PLACE), row["connector_key"])):
        by_plan = {row["plan_id"]: row for row in rows}
        first = next(iter(by_plan.values()))
        yield first["able"], _line(first, [by_plan.get(plan) for plan in plans])


def _line(place: Row, offers: Iterable[Row | None]) -> list[str]:
    cost = place["wholesale_excl_vat"]
    cells = [
        escape(str(place["cpo_id"])),
        escape(str(place["wholesale_tariff_id"] or "-")),
        str(place["current_type"] or "-"),
        f"{place['connectors']:,}",
        f"{place['able']:,}",
        f"{_money(cost)} {place['wholesale_currency']}" if isinstance(cost, Decimal) else "unknown",
    ]
    for offer in offers:
        cells += ["-", "-"] if offer is None else [_money(offer["price_amount"]), _margin(offer["margin_amount"])]
    return cells


def _side(quotes: pl.DataFrame, plan: str) -> str:
    currency, is_included = quotes.filter(pl.col("plan_id") == plan).select("currency", "is_vat_included").row(0)
    return f"{currency} {'incl.' if is_included else 'excl.'}"


def _summary(catalogue: Catalogue) -> Iterator[str]:
    quotes = catalogue.quotes
    counts = [quotes[name].n_unique() for name in ("connector_key", "plan_id", "session")]
    words = zip(counts, ("connector", "plan", "reference session"), strict=True)
    yield f"{_count(quotes.height, 'quote')}: {', '.join(_count(count, word) for count, word in words)}."
    yield "able: connectors that have the power. margin: price without VAT less wholesale, within one currency."
    below = quotes.filter(pl.col("margin_amount") < 0).height
    other = quotes.filter(pl.col("margin_amount").is_null()).height
    yield f"Below cost: {_count(below, 'quote')}; without a margin (another currency, or a price unknown): {other:,}."
    for name, what in (("unknown", "price"), ("wholesale_unknown", "wholesale price")):
        reasons = quotes.drop_nulls(name).group_by(name).len().sort("len", name, descending=[True, False])
        for reason, count in reasons.iter_rows():
            yield f"{_count(count, 'quote')} without a complete {what}: {reason}"
    if catalogue.private_connectors:
        yield f"Private and not on offer: {_count(catalogue.private_connectors, 'connector')} at drivers' homes."


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _price(value: Decimal) -> str:
    """Write a price with cents at least, and every further digit that it has."""
    text = f"{value:,.9f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _money(amount: object) -> str:
    return f"{billed(amount):,.2f}" if isinstance(amount, Decimal) else "unknown"


def _margin(amount: object) -> str:
    if not isinstance(amount, Decimal):
        return "-"
    text = f"{billed(amount):+,.2f}"
    return f"[red]{text}[/]" if amount < 0 else text
