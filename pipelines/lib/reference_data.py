"""Dated public facts from `data/reference`, as values. A malformed table is a `UserError` that names its row."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from models.billing.rates import HomeRate, HomeRates, VatRate, VatRates
from models.types.money import written_number
from pipelines.lib.errors import UserError
from pipelines.lib.settings import CHECKOUT

REFERENCE = CHECKOUT / "data" / "reference"


@functools.cache
def vat_rates(folder: Path = REFERENCE) -> VatRates:
    """Read VAT rates, member states and the wording of reverse charges."""
    return VatRates(
        rates=tuple(
            VatRate(
                country=row.text("country"),
                kind=row.text("kind"),
                rate_pct=row.number("rate_pct"),
                valid_from=row.day("valid_from"),
                valid_to=row.optional_day("valid_to"),
                is_end_known=row.flag("is_end_known"),
            )
            for row in _rows(folder / "vat_rates_dated.csv")
        ),
        member_states=frozenset(
            row.text("alpha2") for row in _rows(folder / "countries.csv") if row.flag("is_eu_member")
        ),
        reverse_charge_wording={
            row.text("country"): row.text("text") for row in _rows(folder / "reverse_charge_wording.csv")
        },
    )


@functools.cache
def home_rates(folder: Path = REFERENCE) -> HomeRates:
    """Read the published values of a kWh charged at home; values per mile are another method and left out."""
    return HomeRates(
        tuple(
            HomeRate(
                country=row.text("country"),
                region=row.text("region"),
                period=row.text("period"),
                valid_from=row.day("valid_from"),
                valid_to=row.optional_day("valid_to"),
                rate_per_kwh=row.number("rate") if row.flag("is_found") else None,
                currency=row.text("currency"),
                nature=row.text("nature"),
            )
            for row in _rows(folder / "home_charging_reference_rates.csv")
            if row.text("per_unit") == "kWh"
        )
    )


class _Row:
    """One row of a table, read by type; a value that cannot be read is named with file, line and column."""

    def __init__(self, path: Path, line: int, values: dict[str, str | None]) -> None:
        self._path, self._line, self._values = path, line, values

    def text(self, column: str) -> str:
        value = self._values.get(column)
        return value or self._fail(column, "a value")

    def number(self, column: str) -> Decimal:
        try:
            return written_number(self.text(column))
        except ValueError:
            return self._fail(column, "a decimal number")

    def day(self, column: str) -> date:
        try:
            return date.fromisoformat(self.text(column))
        except ValueError:
            return self._fail(column, "a date such as 2026-01-01")

    def optional_day(self, column: str) -> date | None:
        return self.day(column) if self._values.get(column) else None

    def flag(self, column: str) -> bool:
        value = self.text(column)
        return value == "true" if value in {"true", "false"} else self._fail(column, "true or false")

    def _fail(self, column: str, expected: str) -> NoReturn:
        msg = f"{self._path.name} line {self._line}, {column}: {self._values.get(column)!r} is not {expected}: mend it"
        raise UserError(msg)


def _rows(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for values in reader:
            yield _Row(path, reader.line_num, values)
