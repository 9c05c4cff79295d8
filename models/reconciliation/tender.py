"""Legal tender by country, as CLDR lists it."""

from collections.abc import Iterable
from datetime import date

import polars as pl
from babel.core import get_global
from babel.numbers import get_territory_currencies


def legal_tender(countries: Iterable[str | None], on: date) -> pl.DataFrame:
    """Give one row per country (alpha-2) and currency that is legal tender there on a day; unknown countries have none.

    Args:
        countries: as CDRs say them; null is skipped.
        on: the day.
    """
    listed = get_global("territory_currencies")
    known: set[str] = {each for each in countries if each is not None and each in listed}
    pairs = [
        (country, currency)
        for country in sorted(known)
        for currency in get_territory_currencies(country, on, on, tender=True)
    ]
    return pl.DataFrame(pairs, schema={"country": pl.String, "currency": pl.String}, orient="row")
