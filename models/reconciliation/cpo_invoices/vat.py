"""VAT of a CPO's invoice: what a line asks for, against its CDR's own totals and against its own rate.

Nothing says which rate is right, so VAT that does not fit is not payable until the CPO corrects it. No VAT at all is no
fault: reverse charge looks like this.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import polars as pl

from models.reconciliation.thresholds import DEFAULTS
from models.reconciliation.wording import billed, number, sentence
from models.types.money import BILLED, BILLED_SCALE, rounded

_LINE_ROUNDING: Final = Decimal("0.01")
"""by which the VAT that a line states may differ from rate times net: one minor unit"""

_EXACT: Final = pl.Decimal(38, 9)
_HALF_A_CENT: Final = Decimal("0.005")


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
    miscounts = ((stated - of_line).abs() > _LINE_ROUNDING).fill_null(False)
    of_the_cdr = sentence("the CDR has {} on {}", billed(own), billed(cdr_net))
    counted = sentence(
        "states VAT of {}, and {} % of {} is {}", billed(stated), number(rate), billed(net), billed(of_line)
    )
    reason = (
        pl.when(miscounts & own.is_not_null())
        .then(pl.concat_str(counted, of_the_cdr, separator="; "))
        .when(miscounts)
        .then(counted)
        .when(misfits)
        .then(sentence("asks for VAT of {}; {}", billed(asked), of_the_cdr))
    )
    return named.with_columns(
        pl.when(miscounts | misfits).then(billed(asked)).cast(BILLED).alias("disputed_vat"),
        sentence("{}: VAT is payable when it is corrected", reason).alias("_said"),
        reason.is_not_null().alias("_is_off"),
    ).with_columns(pl.when("_is_off").then("_said").alias("vat_reason"))


def vat_complaints(lines: pl.DataFrame, stated_vat: Decimal | None) -> Iterable[str]:
    """Say what VAT of an invoice fits no CDR, and where it is not rate times net.

    Args:
        lines: those of the invoice, checked.
        stated_vat: the total that the invoice states itself.
    """
    yield from _disputed_sums(lines)
    yield from _miscounted_sums(lines)
    computed = _computed(lines)
    if stated_vat is None or computed is None:
        return
    if abs(stated_vat - computed) > _rounding(lines.height):
        yield (
            f"the invoice states VAT of {stated_vat:,.2f}, rate times net of its lines is {computed:,.2f} "
            f"(difference {stated_vat - computed:,.2f}): ask for a corrected invoice"
        )


def _disputed_sums(lines: pl.DataFrame) -> Iterator[str]:
    """Name the VAT of lines that do not fit, by currency and rate."""
    sums = lines.drop_nulls("disputed_vat").group_by("currency", "vat_rate_pct")
    summed = sums.agg(pl.len(), pl.col("disputed_vat").sum(), _known_sum("asked_excl_vat"))
    ordered = summed.sort("currency", "vat_rate_pct", nulls_last=True)
    for currency, rate, count, vat, net in ordered.iter_rows():
        yield (
            f"VAT of {vat:,.2f} {currency} on {count:,} lines does not fit them or their CDRs{_by_rate(rate, net)}: "
            "it is not payable; ask for a corrected invoice"
        )


def _by_rate(rate: Decimal | None, net: Decimal | None) -> str:
    if rate is None or net is None:
        return ""
    return f" ({rate.normalize():f} % of {net:,.2f} is {vat_of(rate, net):,.2f})"


def _miscounted_sums(lines: pl.DataFrame) -> Iterator[str]:
    """Find lines whose VAT fits one by one, and together is more or less than rounding explains."""
    fitting = lines.filter(pl.col("disputed_vat").is_null()).drop_nulls(
        ["vat_rate_pct", "vat_amount", "asked_excl_vat"]
    )
    sums = fitting.group_by("currency", "vat_rate_pct").agg(pl.len(), pl.col("vat_amount", "asked_excl_vat").sum())
    for _, rate, count, stated, net in sums.sort("currency", "vat_rate_pct", nulls_last=True).iter_rows():
        due = vat_of(rate, net)
        if abs(stated - due) > _rounding(count):
            yield (
                f"at {rate.normalize():f} % the lines state VAT of {stated:,.2f}, and of {net:,.2f} it is {due:,.2f} "
                f"(difference {stated - due:,.2f}): ask for a corrected invoice"
            )


def _rounding(lines: int) -> Decimal:
    """Give by how much VAT that was rounded line by line may differ from VAT rounded once."""
    return _HALF_A_CENT * (lines + 1)


def _known_sum(name: str) -> pl.Expr:
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum())


def _computed(lines: pl.DataFrame) -> Decimal | None:
    """Give VAT as EN 16931 has it, rounded once per rate; None where a rate or an amount is unknown."""
    needed = lines.select("vat_rate_pct", "asked_excl_vat")
    if needed.drop_nulls().height != needed.height:
        return None
    sums = needed.group_by("vat_rate_pct").agg(pl.col("asked_excl_vat").sum())
    return sum((vat_of(rate, net) for rate, net in sums.iter_rows()), Decimal(0))


def vat_of(rate_pct: Decimal, net: Decimal) -> Decimal:
    """Give the VAT on a net amount, rounded to the minor unit."""
    return rounded((net * rate_pct).scaleb(-2), BILLED_SCALE)


def _share(net: pl.Expr, rate_pct: pl.Expr) -> pl.Expr:
    return (net * rate_pct * pl.lit(Decimal("0.01"))).cast(_EXACT)
