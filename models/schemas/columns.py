"""Column types by what they hold, so that a scale or a time unit is decided once."""

from enum import StrEnum
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

Text = pl.String
TextList = Annotated[pl.List, pl.String()]
Flag = pl.Boolean
Day = pl.Date
ClockTime = pl.Time
Instant = Annotated[pl.Datetime, "us", "UTC"]
LocalInstant = Annotated[pl.Datetime, "us", None]
"""A wall-clock time at the charge point; the zone stands in a `time_zone` column beside it."""
Whole = pl.Int64
Index = pl.Int32

Volume = Annotated[pl.Decimal, 18, 9]
"""kWh, hours, kW, A, and unit prices or claimed amounts as received."""
Precise = Annotated[pl.Decimal, 38, 12]
"""An exact amount before billing, see `models.types.money`."""
Billed = Annotated[pl.Decimal, 18, 2]
"""An amount rounded once, to the minor unit of its currency."""
Percent = Annotated[pl.Decimal, 9, 4]
Rate = Annotated[pl.Decimal, 18, 9]


class Contract(pa.DataFrameModel):
    """The base of every contract: strict, never coercing."""

    class Config(pa.DataFrameModel.Config):
        """Refuse unknown columns and silent conversions."""

        strict = True
        coerce = False


def key(*, nullable: bool = False) -> Any:
    """Give a field of a key column: present, and non-empty unless nullable."""
    return pa.Field(nullable=nullable, str_length={"min_value": 1})


def optional() -> Any:
    """Give a field that may be unknown; unknown is null, never zero."""
    return pa.Field(nullable=True)


def one_of(vocabulary: type[StrEnum], *, nullable: bool = False) -> Any:
    """Give a field that holds a word of a closed vocabulary."""
    return pa.Field(nullable=nullable, isin=[str(word) for word in vocabulary])
