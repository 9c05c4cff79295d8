"""What a checked invoice comes to: by currency and VAT rate, and against the totals that the CPO states itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from models.reconciliation.cpo_invoices.invoice import CpoInvoice
from models.types.money import BILLED_SCALE, rounded
from models.types.vocabularies import InvoiceLineOutcome

_HARMLESS: Final = (InvoiceLineOutcome.MATCHED, InvoiceLineOutcome.MISSING_ON_INVOICE)
"""outcomes in which there is nothing to dispute with the CPO about this invoice"""


@dataclass(frozen=True, slots=True)
class Total:
    """Lines of one currency and VAT rate; a sum over unknown amounts is unknown, and so is VAT without a rate."""

    currency: str | None
    vat_rate_pct: Decimal | None
    lines: int
    asked_excl_vat: Decimal | None
    payable_excl_vat: Decimal
    disputed_excl_vat: Decimal | None
    payable_vat: Decimal | None
    """rounded once for the rate, as EN 16931 has it"""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A checked invoice: `lines` are those of `check_lines`; `complaints` are about the invoice as a whole."""

    lines: pl.DataFrame
    totals: tuple[Total, ...]
    complaints: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to dispute."""
        return not self.complaints and self.disputed.is_empty()

    @property
    def payable(self) -> pl.DataFrame:
        """The lines of which something is payable."""
        return self.lines.filter(pl.col("payable_excl_vat") != 0, pl.col("line_number").is_not_null())

    @property
    def disputed(self) -> pl.DataFrame:
        """The lines that are to be disputed, or at least talked about."""
        return self.lines.filter(~pl.col("outcome").is_in([str(word) for word in _HARMLESS]))

    @property
    def approved(self) -> pl.DataFrame:
        """The lines that approve their CDR for payment: those for free among them, for they are settled too.

        An amount in another currency than the CDR's settles nothing. Of a CDR in dispute its undisputed part is
        approved; the rest follows when the invoice is checked again after the dispute.
        """
        is_matched = pl.col("outcome") == str(InvoiceLineOutcome.MATCHED)
        is_partly = pl.col("outcome") == str(InvoiceLineOutcome.DIFFERENT_AMOUNT)
        is_undisputed = (pl.col("outcome") == str(InvoiceLineOutcome.HELD)) & (pl.col("payable_excl_vat") != 0)
        has_currency = pl.col("difference_excl_vat").is_not_null()
        return self.lines.filter(is_matched | (is_partly & has_currency) | is_undisputed)


def add_up(invoice: CpoInvoice, lines: pl.DataFrame) -> CheckResult:
    """Give the result of a check.

    Args:
        invoice: what was checked, with the totals that it states.
        lines: what `check_lines` gave.
    """
    on_invoice = lines.filter(pl.col("line_number").is_not_null())
    groups = on_invoice.group_by("currency", "vat_rate_pct").agg(
        pl.len(), _known("asked_excl_vat"), pl.col("payable_excl_vat").sum(), _known("disputed_excl_vat")
    )
    ordered = groups.sort("currency", "vat_rate_pct", nulls_last=True)
    totals = tuple(_total(*row) for row in ordered.iter_rows())
    return CheckResult(lines, totals, tuple(_complaints(invoice, totals)))


def _known(name: str) -> pl.Expr:
    """Sum a column; unknown where any of it is."""
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def _total(
    currency: str | None,
    rate: Decimal | None,
    lines: int,
    asked: Decimal | None,
    payable: Decimal,
    disputed: Decimal | None,
) -> Total:
    vat = None if rate is None else rounded((payable * rate).scaleb(-2), BILLED_SCALE)
    return Total(currency, rate, lines, asked, payable, disputed, vat)


def _complaints(invoice: CpoInvoice, totals: Iterable[Total]) -> Iterable[str]:
    """Say where the CPO's own total is not the sum of its lines."""
    known = list(totals)
    asked = [total.asked_excl_vat for total in known]
    currencies = {total.currency for total in known if total.currency is not None}
    if len(currencies) > 1:
        named = ", ".join(sorted(currencies))
        yield f"the invoice has lines in several currencies ({named}): each has to have an invoice of its own"
    if invoice.stated_excl_vat is None or any(each is None for each in asked) or len(currencies) > 1:
        return
    summed = sum((each for each in asked if each is not None), Decimal(0))
    if summed != invoice.stated_excl_vat:
        difference = invoice.stated_excl_vat - summed
        yield (
            f"the invoice states a total of {invoice.stated_excl_vat:,.2f}, its lines add up to {summed:,.2f} "
            f"(difference {difference:,.2f}): ask for an invoice whose lines are its total"
        )
