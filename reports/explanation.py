"""The explanation of prices as one page: which component of which tariff every cent comes from.

Everything here is a finished text or a place in a picture: nothing is added up, and nothing is fetched to show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from reports.environment import templates
from reports.logos import PACKAGE

VERSION: Final = "v1"
HUES: Final = 6
"""Colours of the timeline; a component after the sixth takes the first colour again, and the legend names it."""


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """One amount and its origin."""

    what: str
    """such as ENERGY, ENERGY (step_size), min_price or max_price"""
    period: str
    """local start of the charging period; empty for what belongs to the session"""
    tariff: str
    """id of the tariff and its version"""
    place: str
    """element.component, counted from 0 as in the OCPI list"""
    applies: str
    """the restrictions in force, in words; empty where there are none"""
    volume: str
    billed_volume: str
    unit: str
    unit_price: str
    vat: str
    excl_vat: str
    incl_vat: str


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """One named choice on a point that OCPI leaves open."""

    name: str
    value: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A charging period in the picture: lengths in units of the viewBox (1000 wide, the base at 120)."""

    x: int
    y: int
    width: int
    height: int
    hue: int | None
    """place among the colours; None where no component priced energy"""
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled place on the time axis."""

    x: int
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The session over local time, the height of a bar being average power."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    """steps and limits"""
    ticks: tuple[Mark, ...]
    legend: tuple[tuple[int | None, str], ...]
    peak: str
    """what the full height stands for, such as 11 kW"""


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """A priced line, or one that was declined (`error`)."""

    line_id: str
    session: str
    """local start and end, and the time zone"""
    tariffs: str
    currency: str
    error: str = ""
    rows: tuple[ExplainedRow, ...] = ()
    total_excl_vat: str = ""
    total_incl_vat: str = ""
    proof: tuple[str, ...] = ()
    """whether the rows sum to the totals"""
    interval: tuple[str, ...] = ()
    """between which amounts an open price lies; empty where it is certain"""
    notes: tuple[str, ...] = ()
    policies: tuple[PolicyChoice, ...] = ()
    timeline: Timeline | None = None


def page(lines: Sequence[ExplainedLine]) -> str:
    """Give one HTML page with its style inside: no other file and no network is needed to show or print it."""
    sheets = {
        name: Markup((PACKAGE / "styles" / VERSION / f"{sheet}.css").read_text(encoding="utf-8"))  # noqa: S704 - own file
        for name, sheet in (("style", "explanation"), ("drawing", "explanation-drawing"))
    }
    template = _environment().get_template(f"explanation/{VERSION}/page.html.j2")
    return template.render(lines=lines, hues=HUES, **sheets)


@lru_cache
def _environment() -> Environment:
    return templates()
