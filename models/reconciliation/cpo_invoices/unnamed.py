"""What a check comes to beyond the lines of its invoice: rows that have no line number.

Such a row has nothing payable under this invoice. What it adds to what was approved before, or takes back, stands in
`to_pay_now_excl_vat`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import polars as pl

from models.reconciliation.cpo_invoices.books import NOTHING, Books, credits_of
from models.reconciliation.wording import sentence
from models.schemas.registry import Layer, table
from models.types.money import BILLED
from models.types.vocabularies import InvoiceLineOutcome, Verdict

_OF_REGISTER: Final = ("check_id", "line_index", "cpo_id", "invoice_id", "file_sha256", "actor", "checked_at")
CHECKED: Final = {
    name: dtype for name, dtype in table(Layer.LEDGER, "cpo_invoice_checks").schema.items() if name not in _OF_REGISTER
}
"""columns of a checked line: those of `ledger/cpo_invoice_checks` but for what the register knows of the check"""

_NONE: Final = Decimal(0)


def not_on_invoice(checked: pl.DataFrame, cpo_id: str, books: Books, known: pl.DataFrame) -> pl.DataFrame:
    """Give the CDRs of the CPO in the invoice's months of which something is owed and that no invoice ever named.

    Those are what the rules accept and nobody disputed, and what a dispute that ended left owed. A CDR in dispute is
    left out: its case says what is held.
    """
    months = checked.get_column("billing_month").drop_nulls().unique()
    named = pl.concat([checked.get_column("cdr_key").drop_nulls(), books.approved.get_column("cdr_key")]).unique()
    is_left_owed = pl.col("is_decided") & (pl.col("net_excl_vat") != 0)
    by_rules = (pl.col("verdict") == str(Verdict.ACCEPT)) & ~pl.col("is_decided") & ~pl.col("is_disputed")
    own = known.filter(
        pl.col("cpo_id") == cpo_id,
        pl.col("billing_month").is_in(months.implode()),
        ~pl.col("cdr_key").is_in(named.implode()),
        (is_left_owed | by_rules).fill_null(False),
    )
    accepted = pl.lit("accepted and not invoiced: it stays accrued until an invoice names it")
    ended = sentence("its dispute ended with {} owed: it stays accrued until an invoice names it", "owed_excl_vat")
    why = pl.when("is_decided").then(ended).otherwise(accepted)
    return _rows(own, InvoiceLineOutcome.MISSING_ON_INVOICE, {"disputed_excl_vat": NOTHING, "reason": why})


def no_longer_named(
    checked: pl.DataFrame, cpo_id: str, invoice_id: str, books: Books, known: pl.DataFrame
) -> pl.DataFrame:
    """Give what an earlier check of the invoice approved and no line names any more: it is taken back."""
    is_own = pl.col("approved_under").str.to_uppercase() == invoice_id.upper()
    gone = books.approved.filter(
        is_own & (pl.col("approved_excl_vat") != 0) & pl.col("cdr_key").str.starts_with(f"{cpo_id}*")
    ).join(checked.drop_nulls("cdr_key"), on="cdr_key", how="anti")
    why = pl.lit("approved by an earlier check, and no line names it any more: the amount is taken back")
    facts = {
        "approved_before_excl_vat": pl.col("approved_before_excl_vat"),
        "to_pay_now_excl_vat": -pl.col("approved_before_excl_vat"),
        "reason": why,
    }
    return _rows(
        known.join(gone.select("cdr_key"), on="cdr_key", how="semi"), InvoiceLineOutcome.NO_LONGER_INVOICED, facts
    )


def settled_elsewhere(checked: pl.DataFrame, invoice_id: str, books: Books, known: pl.DataFrame) -> pl.DataFrame:
    """Give what becomes payable under other invoices, because this one carries or drops a credit of their CDRs.

    A credit takes all of its original back. What was withheld of it is therefore payable as soon as the credit is
    deducted, or it would be kept twice: once by withholding, once by deducting.
    """
    is_other = pl.col("approved_under").str.to_uppercase() != invoice_id.upper()
    before = books.approved.filter(~is_other & (pl.col("approved_excl_vat") != 0)).get_column("cdr_key")
    # A credit that is held takes nothing back, and changes nothing for its original.
    deducted = checked.filter(pl.col("payable_excl_vat") != 0).get_column("cdr_key")
    touched = pl.concat([deducted, before])
    originals = (
        credits_of(books.cdrs)
        .filter(pl.col("credit_key").is_in(touched.drop_nulls().unique().implode()))
        .get_column("original_key")
    )
    here = checked.filter(~pl.col("is_repeated")).select("cdr_key", pl.col("payable_excl_vat").alias("here"))
    standing = (
        books.approved.filter(is_other, pl.col("cdr_key").is_in(originals.unique().implode()))
        .join(known.select("cdr_key", "cap_excl_vat"), on="cdr_key", how="inner", validate="m:1")
        .join(here.drop_nulls(), on="cdr_key", how="left", validate="m:1")
        .select("cdr_key", "approved_under", "approved_excl_vat", "asked_excl_vat", "cap_excl_vat", "here")
        .sort("cdr_key", "approved_under")
    )
    schema = {"cdr_key": pl.String(), "under": pl.String(), "stood": BILLED, "change": BILLED}
    changes = pl.DataFrame(list(_changes(standing)), schema=schema, orient="row")
    facts = {
        "approved_under": pl.col("under"),
        "approved_elsewhere_excl_vat": pl.col("stood"),
        "to_pay_now_excl_vat": pl.col("change"),
        "reason": sentence(
            "{}: of {} {}, {} is payable under invoice {} now",
            pl.when(pl.col("change") > 0)
            .then(pl.lit("its credit is deducted, so that nothing is withheld twice"))
            .otherwise(pl.lit("its credit is deducted no longer")),
            *("claimed_excl_vat", "cdr_currency", pl.col("stood") + pl.col("change"), "under"),
        ),
    }
    moved = changes.join(known.drop("approved_under", "approved_elsewhere_excl_vat"), on="cdr_key", how="inner")
    return _rows(moved, InvoiceLineOutcome.SETTLED_ELSEWHERE, facts)


def _changes(standing: pl.DataFrame) -> Iterator[tuple[str, str, Decimal, Decimal]]:
    """Give by how much each invoice's approval of a CDR changes (key, invoice, what stood, change), if at all."""
    for _, group in standing.group_by("cdr_key", maintain_order=True):
        rows = list(group.iter_rows(named=True))
        if rows[0]["cap_excl_vat"] is None:
            continue
        room = rows[0]["cap_excl_vat"] - (rows[0]["here"] or _NONE) - sum(row["approved_excl_vat"] or 0 for row in rows)
        # What is too much is taken from the last invoice first, as what is due goes to the first.
        for row in rows if room > 0 else reversed(rows):
            stood = row["approved_excl_vat"] or _NONE
            asked = row["cap_excl_vat"] if row["asked_excl_vat"] is None else row["asked_excl_vat"]
            change = min(room, max(asked - stood, _NONE)) if room > 0 else max(room, -max(stood, _NONE))
            room -= change
            if change:
                yield row["cdr_key"], row["approved_under"], stood, change


def _rows(cdrs: pl.DataFrame, outcome: InvoiceLineOutcome, facts: dict[str, pl.Expr]) -> pl.DataFrame:
    """Give rows of `CHECKED` about CDRs: null but for what is known of the CDR and `facts`."""
    blank = {name: pl.lit(None).cast(dtype) for name, dtype in CHECKED.items()}
    common = {name: pl.col(name) for name in ("cdr_id", "cdr_key", "claimed_excl_vat", "owed_excl_vat")}
    given = {
        "outcome": pl.lit(str(outcome)),
        "currency": pl.col("cdr_currency"),
        "payable_excl_vat": NOTHING,
        "billing_month": pl.col("billing_month"),
    }
    return cdrs.select(value.alias(name) for name, value in (blank | common | given | facts).items())
