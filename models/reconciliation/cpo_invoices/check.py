"""Holding the lines of a CPO's invoice against our CDRs: one outcome per line, and what of it is payable.

Payable is what both sides agree on: of two amounts the smaller claim, less what other invoices were approved for. The
rest is to be disputed. Amounts are excl. VAT, rounded once to the minor unit; a line that states none is paid by our
CDR, which is the CPO's own claim.
"""

from typing import Final

import polars as pl

from models.reconciliation.cpo_invoices.books import APPROVED, CASES, NOTHING, Books, cdr_facts, credits_of, with_cap
from models.reconciliation.cpo_invoices.reasons import reason
from models.reconciliation.cpo_invoices.unnamed import CHECKED, no_longer_named, not_on_invoice, settled_elsewhere
from models.reconciliation.cpo_invoices.vat import with_vat
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import InvoiceLineOutcome

__all__ = ["APPROVED", "CASES", "CHECKED", "Books", "check_lines"]

_WORDS: Final = InvoiceLineOutcome
_FULL_KEY: Final = r"^[A-Z]{2}\*[A-Z0-9]{3}\*."
_PAID: Final = (_WORDS.MATCHED, _WORDS.DIFFERENT_VAT, _WORDS.DIFFERENT_AMOUNT, _WORDS.CREDITED, _WORDS.HELD)
"""outcomes under which the smaller claim is payable, which may be nothing"""


def check_lines(lines: pl.DataFrame, cpo_id: str, invoice_id: str, books: Books) -> pl.DataFrame:
    """Give one row per line, and rows without a line for what else the check comes to.

    These are the accepted CDRs of the invoice's months that no line names, what an earlier check of the invoice
    approved and no line names any more, and what becomes payable under other invoices because this one carries a
    credit. Columns are those of `CHECKED`. Ids are compared without case; an id may be written with its owner
    (`DE*LDW*C000017`) or without.

    Args:
        lines: `CpoInvoice.frame()`.
        cpo_id: whose invoice it is, such as DE*LDW.
        invoice_id: an approval under the same invoice is no double one: the invoice is checked again.
        books: what we know.
    """
    facts = cdr_facts(books, invoice_id)
    keyed = with_vat(_with_cdr(_with_key(lines, cpo_id), cpo_id, facts))
    # A credit has no credits of its own, so its amount is known before that of what it takes back.
    known = with_cap(facts, _carried(_judged(keyed, with_cap(facts, _NONE_CARRIED)), books, invoice_id))
    checked = _judged(keyed, known).with_columns(reason().alias("reason"))
    parts = (
        checked,
        not_on_invoice(checked, cpo_id, books, known),
        no_longer_named(checked, cpo_id, invoice_id, books, known),
        settled_elsewhere(checked, invoice_id, books, known),
    )
    rows = [each.select(pl.col(name).cast(dtype) for name, dtype in CHECKED.items()) for each in parts]
    return pl.concat(rows, how="vertical").sort("line_number", "outcome", "cdr_key", "approved_under", nulls_last=True)


def _with_key(lines: pl.DataFrame, cpo_id: str) -> pl.DataFrame:
    upper = pl.col("cdr_id").str.to_uppercase()
    full = pl.when(upper.str.contains(_FULL_KEY)).then(upper).otherwise(pl.format(f"{cpo_id}*{{}}", upper))
    keyed = lines.with_columns(pl.when(pl.col("problem").is_null()).then(full).alias("cdr_key"))
    nth = pl.int_range(pl.len()).over("cdr_key")
    return keyed.with_columns((pl.col("cdr_key").is_not_null() & (nth > 0)).alias("is_repeated"))


def _with_cdr(keyed: pl.DataFrame, cpo_id: str, facts: pl.DataFrame) -> pl.DataFrame:
    """Add the amounts of each line's CDR, and whose it is."""
    claims = facts.select("cdr_key", "cdr_excl_vat", "cdr_incl_vat", "cdr_currency")
    return (
        keyed.join(claims, on="cdr_key", how="left", maintain_order="left", validate="m:1")
        .with_columns(pl.col("cdr_id").str.to_uppercase().alias("bare_id"))
        .join(_elsewhere(facts, cpo_id), on="bare_id", how="left", maintain_order="left", validate="m:1")
        .with_columns(pl.col("cdr_key").str.starts_with(f"{cpo_id}*").alias("is_own"))
    )


def _elsewhere(facts: pl.DataFrame, cpo_id: str) -> pl.DataFrame:
    """Give the CPO under whose name an id is known, for ids that this CPO does not have (`bare_id`, `other_cpo`)."""
    others = facts.filter(pl.col("cpo_id") != cpo_id)
    named = others.select(pl.col("cdr_id").str.to_uppercase().alias("bare_id"), pl.col("cpo_id").alias("other_cpo"))
    return named.sort("bare_id", "other_cpo").unique("bare_id", keep="first")


_NONE_CARRIED: Final = pl.DataFrame(schema={"cdr_key": pl.String(), "carried_excl_vat": BILLED})


def _carried(checked: pl.DataFrame, books: Books, invoice_id: str) -> pl.DataFrame:
    """Give what credits take back of each CDR on this invoice and on others (`cdr_key`, `carried_excl_vat`)."""
    is_other = pl.col("approved_under").str.to_uppercase() != invoice_id.upper()
    here = checked.filter(~pl.col("is_repeated")).select("cdr_key", pl.col("payable_excl_vat").alias("amount"))
    there = books.approved.filter(is_other).select("cdr_key", pl.col("approved_excl_vat").alias("amount"))
    approved = pl.concat([here, there]).drop_nulls().rename({"cdr_key": "credit_key"})
    given = credits_of(books.cdrs).join(approved, on="credit_key", how="inner", validate="1:m")
    back = pl.col("amount").abs().sum().cast(BILLED).alias("carried_excl_vat")
    return given.group_by(pl.col("original_key").alias("cdr_key")).agg(back)


def _judged(keyed: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add outcome and amounts to every line.

    Args:
        keyed: lines with their keys and VAT.
        known: `with_cap`.
    """
    facts = known.drop("cdr_id", "cpo_id", "cdr_excl_vat", "cdr_incl_vat", "cdr_currency")
    joined = keyed.join(facts, on="cdr_key", how="left", maintain_order="left", validate="m:1")
    elsewhere = pl.col("approved_elsewhere_excl_vat").fill_null(NOTHING)
    told = joined.with_columns(
        billed(pl.col("amount_excl_vat")).alias("asked_excl_vat"),
        (pl.col("owed_excl_vat") - elsewhere).cast(BILLED).alias("rest_excl_vat"),
        (pl.col("cap_excl_vat") - elsewhere).cast(BILLED).alias("payable_rest"),
        (pl.col("currency").is_null() | (pl.col("currency") == pl.col("cdr_currency")))
        .fill_null(False)
        .alias("has_currency"),
        pl.when(~pl.col("is_repeated")).then("approved_before_excl_vat").alias("approved_before_excl_vat"),
    )
    return _with_amounts(told.with_columns(_outcome().alias("outcome")))


def _outcome() -> pl.Expr:
    """Choose the outcome of a line: the first of these that holds, so that each has exactly one."""
    is_known = pl.col("claimed_excl_vat").is_not_null() | pl.col("verdict").is_not_null()
    asked, rest = pl.col("asked_excl_vat"), pl.col("rest_excl_vat")
    is_used_up = pl.when(pl.col("claimed_excl_vat") < 0).then(rest >= 0).otherwise(rest <= 0)
    is_double = pl.col("approved_elsewhere_excl_vat").is_not_null() & is_used_up.fill_null(True)
    is_same = pl.col("has_currency") & (asked.is_null() | (asked == rest))
    steps = (
        (pl.col("problem").is_not_null(), _WORDS.UNREADABLE),
        (pl.col("is_repeated") | is_double, _WORDS.ALREADY_INVOICED),
        (~pl.col("is_own"), _WORDS.OTHER_CPO),
        (~is_known & pl.col("other_cpo").is_not_null(), _WORDS.OTHER_CPO),
        (~is_known, _WORDS.MISSING_AT_US),
        (pl.col("lacks_credit") & ~((asked == rest) & pl.col("is_accepted")).fill_null(False), _WORDS.CREDITED),
        (~pl.col("is_accepted"), _WORDS.HELD),
        (is_same.fill_null(False) & pl.col("disputed_vat").is_not_null(), _WORDS.DIFFERENT_VAT),
        (is_same.fill_null(False), _WORDS.MATCHED),
    )
    return pl.coalesce(
        *(pl.when(holds.fill_null(False)).then(pl.lit(str(word))) for holds, word in steps),
        pl.lit(str(_WORDS.DIFFERENT_AMOUNT)),
    )


def _with_amounts(judged: pl.DataFrame) -> pl.DataFrame:
    """Add what a line differs by, what of it is payable, what is to be disputed, and what is to pay now.

    Of a CDR in dispute the undisputed part is payable: contracts let a customer withhold no more than it disputes.
    """
    asked, rest = pl.col("asked_excl_vat"), pl.col("payable_rest")
    # Of two claims the smaller one, and of two credits as well: neither turns into its opposite.
    smaller = (
        pl.when(pl.col("claimed_excl_vat") < 0)
        .then(pl.min_horizontal(pl.max_horizontal(asked, rest), NOTHING))
        .otherwise(pl.max_horizontal(pl.min_horizontal(asked, rest), NOTHING))
    )
    is_paid = pl.col("outcome").is_in([str(word) for word in _PAID]) & pl.col("has_currency") & rest.is_not_null()
    payable = pl.when(is_paid).then(smaller).otherwise(NOTHING).cast(BILLED)
    told = judged.with_columns(
        # An unknown amount of a line that cannot be paid stays unknown: nobody knows what is in dispute.
        pl.when("has_currency").then(asked - pl.col("rest_excl_vat")).cast(BILLED).alias("difference_excl_vat"),
        payable.alias("payable_excl_vat"),
        pl.coalesce("currency", "cdr_currency").alias("currency"),
        pl.when(pl.col("outcome").is_in([str(word) for word in _PAID])).then("disputed_vat").alias("disputed_vat"),
    )
    payable, before = pl.col("payable_excl_vat"), pl.col("approved_before_excl_vat").fill_null(NOTHING)
    is_agreed = pl.col("outcome").is_in([str(_WORDS.MATCHED), str(_WORDS.DIFFERENT_VAT)])
    wanted = pl.coalesce(asked, pl.when(is_agreed).then(payable), "claimed_excl_vat")
    return told.with_columns(
        (wanted - payable).cast(BILLED).alias("disputed_excl_vat"),
        (payable - before).cast(BILLED).alias("to_pay_now_excl_vat"),
    )
