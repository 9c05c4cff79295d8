"""How numbers and instants read in the sentences of findings."""

import polars as pl

from models.types.money import BILLED, BILLED_SCALE, rounded_expr


def number(value: pl.Expr) -> pl.Expr:
    """Write a decimal without the zeros that its scale appends: 18.450000000 reads 18.45."""
    text = value.cast(pl.String)
    return pl.when(text.str.contains(".", literal=True)).then(text.str.strip_chars_end("0").str.strip_chars_end("."))


def instant(value: pl.Expr) -> pl.Expr:
    """Write an instant, such as 2026-10-25 00:59:30 UTC."""
    return value.dt.to_string("%Y-%m-%d %H:%M:%S UTC")


def billed(value: pl.Expr) -> pl.Expr:
    """Round an amount to the minor unit: what stands in verdicts, findings and disputes."""
    return rounded_expr(value, BILLED_SCALE).cast(BILLED)


def sentence(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """Fill a template; an unknown part reads `unknown`, because one null would silence the whole sentence."""
    known = [(pl.col(part) if isinstance(part, str) else part).cast(pl.String).fill_null("unknown") for part in parts]
    return pl.format(template, *known)
