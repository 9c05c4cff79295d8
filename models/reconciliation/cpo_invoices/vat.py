"""VAT of a CPO's invoice: what a line asks for, against its CDR's own totals and against its own rate.

Nothing says which rate is right, so VAT that does not fit is not payable until the CPO corrects it. No VAT at all is no
fault: reverse charge looks like this.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import polars as pl

from models.reconciliation.thresholds import DEFAULTS
from models.reconciliation.wording import billed, number, sentence
from models.types.money import BILLED, BILLED_SCALE, rounded

LINE_ROUNDING: Final = Decimal("0.01")
"""by which the VAT that a line states may differ from rate times net: one minor unit"""

_EXACT: Final = pl.Decimal(38, 9)


def with_vat(named: pl.DataFrame) -> pl.DataFrame:
    """Add `disputed_vat` and `vat_reason`, both null where nothing is wrong with a line's VAT or nobody can tell.

    Args:
        named: lines with `cdr_excl_vat`, `cdr_incl_vat`, `cdr_currency` of their CDRs. A CDR that does not say its
            total with and without VAT compares with nothing.
    """
    own = (pl.col("cdr_incl_vat") - pl.col("cdr_excl_vat")).cast(_EXACT)
    net, cdr_net = (pl.col(name).cast(_EXACT) for name in ("amount_excl_vat", "cdr_excl_vat"))
    rate, stated = pl.col("vat_rate_pct"), pl.col("vat_amount").cast(_EXACT)
    of_cdr, of_line = _share(cdr_net, rate), _share(net, rate)
    same_currency = pl.col("currency").is_null() | (pl.col("currency") == pl.col("cdr_currency"))
    asked = pl.coalesce(stated, of_line, of_cdr)
    misfits = same_currency & ((of_cdr - own).abs() > DEFAULTS.vat_tolerance) & (rate != 0)
    # Without a rate the amount alone compares, and only where the line asks for what the CDR claims.
    claims_all = net.is_null() | (billed(net) == billed(cdr_net))
    unrated = rate.is_null() & same_currency & claims_all & (stated != 0)
    misfits = misfits.fill_null(False) | (unrated & ((stated - own).abs() > DEFAULTS.vat_tolerance)).fill_null(False)
    miscounts = ((stated - of_line).abs() > LINE_ROUNDING).fill_null(False)
    reason = (
        pl.when(miscounts)
        .then(sentence("states VAT of {}, and {} % of {} is {}", *map(_amount, (stated, rate, net, of_line))))
        .when(misfits)
        .then(sentence("its VAT of {} is not that of the CDR, {} on {}", *map(_amount, (asked, own, cdr_net))))
    )
    return named.with_columns(
        pl.when(miscounts | misfits).then(billed(asked)).cast(BILLED).alias("disputed_vat"),
        sentence("{}: it is not payable until it is corrected", reason).alias("_said"),
        reason.is_not_null().alias("_is_off"),
    ).with_columns(pl.when("_is_off").then("_said").alias("vat_reason"))


def vat_complaints(lines: pl.DataFrame, stated_vat: Decimal | None) -> Iterable[str]:
    """Say where an invoice's VAT is not rate times net, and what VAT of it fits no CDR.

    Args:
        lines: those of the invoice, checked.
        stated_vat: the total that the invoice states itself.
    """
    off = lines.drop_nulls("disputed_vat")
    for currency, amount, count in (
        off.group_by("currency")
        .agg(pl.col("disputed_vat").sum(), pl.len())
        .sort("currency", nulls_last=True)
        .iter_rows()
    ):
        yield (
            f"VAT of {amount:,.2f} {currency or ''} on {count:,} lines does not fit: it is not payable; "
            "ask for a corrected invoice"
        ).replace("  ", " ")
    if stated_vat is None:
        return
    computed = _computed(lines)
    if computed is not None and abs(stated_vat - computed) > LINE_ROUNDING * max(lines.height, 1):
        yield (
            f"the invoice states VAT of {stated_vat:,.2f}, rate times net of its lines is {computed:,.2f} "
            f"(difference {stated_vat - computed:,.2f}): ask for a corrected invoice"
        )


def _computed(lines: pl.DataFrame) -> Decimal | None:
    """Give VAT as EN 16931 has it, rounded once per rate; None where a rate or an amount is unknown."""
    needed = lines.select("currency", "vat_rate_pct", "asked_excl_vat")
    if needed.drop_nulls(["vat_rate_pct", "asked_excl_vat"]).height != needed.height:
        return None
    sums = needed.group_by("vat_rate_pct").agg(pl.col("asked_excl_vat").sum())
    return sum((vat_of(rate, net) for rate, net in sums.iter_rows()), Decimal(0))


def vat_of(rate_pct: Decimal, net: Decimal) -> Decimal:
    """Give the VAT on a net amount, rounded to the minor unit."""
    return rounded((net * rate_pct).scaleb(-2), BILLED_SCALE)


def _share(net: pl.Expr, rate_pct: pl.Expr) -> pl.Expr:
    return (net * rate_pct * pl.lit(Decimal("0.01"))).cast(_EXACT)


def _amount(value: pl.Expr) -> pl.Expr:
    """Write an amount to the minor unit, and a rate without the zeros of its scale."""
    return number(value.cast(_EXACT).round(4, mode="half_away_from_zero"))
