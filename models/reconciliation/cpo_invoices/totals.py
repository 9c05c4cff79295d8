"""What a checked invoice comes to: by currency and VAT rate, and against the totals that the CPO states itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from models.reconciliation.cpo_invoices.invoice import CpoInvoice
from models.reconciliation.cpo_invoices.vat import vat_complaints, vat_of
from models.types.money import BILLED
from models.types.vocabularies import InvoiceLineOutcome

_WORDS: Final = InvoiceLineOutcome
_HARMLESS: Final = (
    *(_WORDS.MATCHED, _WORDS.MISSING_ON_INVOICE),
    *(_WORDS.NO_LONGER_INVOICED, _WORDS.SETTLED_ELSEWHERE),
)
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
    """on what is payable of lines whose VAT fits; rounded once for the rate, as EN 16931 has it"""
    approved_before_excl_vat: Decimal
    """under this invoice, by its checks before"""
    to_pay_now_excl_vat: Decimal
    """payable less approved before"""
    disputed_vat: Decimal
    """VAT that does not fit, and is not payable until it is corrected"""


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
        is_matched = pl.col("outcome").is_in([str(_WORDS.MATCHED), str(_WORDS.DIFFERENT_VAT)])
        is_partly = pl.col("outcome") == str(_WORDS.DIFFERENT_AMOUNT)
        may_be = pl.col("outcome").is_in([str(_WORDS.HELD), str(_WORDS.CREDITED)])
        is_undisputed = may_be & (pl.col("payable_excl_vat") != 0)
        has_currency = pl.col("difference_excl_vat").is_not_null()
        return self.lines.filter(is_matched | (is_partly & has_currency) | is_undisputed)

    @property
    def withheld(self) -> pl.DataFrame:
        """The lines of which nothing is payable yet, and something may be: what they ask for is remembered."""
        waiting = [str(word) for word in (_WORDS.HELD, _WORDS.CREDITED, _WORDS.MISSING_AT_US)]
        has_none = (pl.col("payable_excl_vat") == 0) & pl.col("currency").is_not_null()
        return self.lines.filter(pl.col("outcome").is_in(waiting), has_none)

    @property
    def settled_elsewhere(self) -> pl.DataFrame:
        """What becomes payable, or no longer is, under other invoices (`approved_under`): `stands_excl_vat` in all."""
        stands = pl.col("approved_elsewhere_excl_vat") + pl.col("to_pay_now_excl_vat")
        settled = self.lines.filter(pl.col("outcome") == str(_WORDS.SETTLED_ELSEWHERE))
        return settled.with_columns(stands.cast(BILLED).alias("stands_excl_vat"))

    @property
    def to_pay_now(self) -> dict[str, Decimal]:
        """What the check adds to what was approved before, by currency, whichever invoice it stands under."""
        moving = self.lines.filter(pl.col("to_pay_now_excl_vat").is_not_null(), pl.col("currency").is_not_null())
        return dict(moving.group_by("currency").agg(pl.col("to_pay_now_excl_vat").sum()).sort("currency").iter_rows())


def add_up(invoice: CpoInvoice, lines: pl.DataFrame) -> CheckResult:
    """Give the result of a check.

    Args:
        invoice: what was checked, with the totals that it states.
        lines: what `check_lines` gave.
    """
    on_invoice = lines.filter(pl.col("line_number").is_not_null())
    fits = pl.col("disputed_vat").is_null()
    groups = on_invoice.group_by("currency", "vat_rate_pct").agg(
        *(pl.len().alias("lines"), _known("asked_excl_vat"), pl.col("payable_excl_vat").sum()),
        _known("disputed_excl_vat"),
        pl.col("payable_excl_vat").filter(fits).sum().alias("fitting"),
        pl.col("approved_before_excl_vat", "to_pay_now_excl_vat", "disputed_vat").sum(),
    )
    ordered = groups.sort("currency", "vat_rate_pct", nulls_last=True)
    totals = tuple(_total(row) for row in ordered.iter_rows(named=True))
    complaints = (*_complaints(invoice, totals), *vat_complaints(on_invoice, invoice.stated_vat))
    return CheckResult(lines, totals, complaints)


def _known(name: str) -> pl.Expr:
    """Sum a column; unknown where any of it is."""
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def _total(row: dict[str, Any]) -> Total:
    fitting, rate = row.pop("fitting"), row["vat_rate_pct"]
    return Total(payable_vat=None if rate is None else vat_of(rate, fitting), **row)


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
