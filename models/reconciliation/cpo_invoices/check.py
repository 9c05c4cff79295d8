"""Holding the lines of a CPO's invoice against our CDRs: one outcome per line, and what of it is payable.

Payable is what both sides agree on: of two amounts the smaller claim. The rest is to be disputed. Amounts are excl.
VAT, rounded once to the minor unit; a line that states none is paid by our CDR, which is the CPO's own claim.
"""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from models.reconciliation.copies import original_key
from models.reconciliation.wording import billed, sentence
from models.schemas.registry import Layer, table
from models.types.vocabularies import InvoiceLineOutcome, Verdict

APPROVED: Final = {"cdr_key": pl.String(), "approved_under": pl.String()}
"""one row per CDR that stands approved for payment, and the invoice under which it is"""

CASES: Final = {"cdr_key": pl.String(), "is_live": pl.Boolean(), "owed_excl_vat": pl.Decimal(18, 2)}
"""one row per dispute: whether it goes on, and what of the CDR is owed as it stands (`CaseState.owed_amount`)"""

_OF_REGISTER: Final = ("check_id", "line_index", "cpo_id", "invoice_id", "file_sha256", "actor", "checked_at")
CHECKED: Final = {
    name: dtype for name, dtype in table(Layer.LEDGER, "cpo_invoice_checks").schema.items() if name not in _OF_REGISTER
}
"""columns of a checked line: those of `ledger/cpo_invoice_checks` but for what the register knows of the check"""

_WORDS: Final = InvoiceLineOutcome
_NOTHING: Final = pl.lit(0).cast(pl.Decimal(18, 2))
_FULL_KEY: Final = r"^[A-Z]{2}\*[A-Z0-9]{3}\*."


@dataclass(frozen=True)
class Books:
    """What we know of CDRs."""

    cdrs: pl.DataFrame
    """`typed/cdrs` of every CPO and month that may be meant"""
    verdicts: pl.DataFrame
    """`matched/verdicts` of these CDRs"""
    approved: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=APPROVED))
    cases: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CASES))
    """every dispute, live or ended"""


def check_lines(lines: pl.DataFrame, cpo_id: str, invoice_id: str, books: Books) -> pl.DataFrame:
    """Give one row per line, and one per accepted CDR of the invoice's months that no line names.

    Columns are those of `CHECKED`. Ids are compared without case; an id may be written with its owner
    (`DE*LDW*C000017`) or without.

    Args:
        lines: `CpoInvoice.frame()`.
        cpo_id: whose invoice it is, such as DE*LDW.
        invoice_id: an approval under the same invoice is no double one: the invoice is checked again.
        books: what we know.
    """
    named = _with_cdr(_with_key(lines, cpo_id), cpo_id, invoice_id, books)
    judged = named.with_columns(_outcome().alias("outcome"))
    checked = _with_amounts(judged).with_columns(_reason().alias("reason"))
    both = [
        each.select(pl.col(name).cast(dtype) for name, dtype in CHECKED.items())
        for each in (checked, _missing(checked, cpo_id, books))
    ]
    return pl.concat(both, how="vertical").sort("line_number", "cdr_key", nulls_last=True)


def _with_key(lines: pl.DataFrame, cpo_id: str) -> pl.DataFrame:
    upper = pl.col("cdr_id").str.to_uppercase()
    full = pl.when(upper.str.contains(_FULL_KEY)).then(upper).otherwise(pl.format(f"{cpo_id}*{{}}", upper))
    keyed = lines.with_columns(pl.when(pl.col("problem").is_null()).then(full).alias("cdr_key"))
    nth = pl.int_range(pl.len()).over("cdr_key")
    return keyed.with_columns((pl.col("cdr_key").is_not_null() & (nth > 0)).alias("is_repeated"))


def _with_cdr(keyed: pl.DataFrame, cpo_id: str, invoice_id: str, books: Books) -> pl.DataFrame:
    """Add what our books say of each line's CDR."""
    verdicts = books.verdicts.select("cdr_key", "verdict")
    facts = (
        _facts(books, keyed)
        .join(verdicts, on="cdr_key", how="left", validate="1:1")
        .join(books.approved, on="cdr_key", how="left", validate="1:1")
    )
    elsewhere = _elsewhere(books.cdrs, cpo_id)
    is_double = pl.col("approved_under").is_not_null() & (
        pl.col("approved_under").str.to_uppercase() != invoice_id.upper()
    )
    return (
        keyed.join(facts, on="cdr_key", how="left", maintain_order="left", validate="m:1")
        .with_columns(pl.col("cdr_id").str.to_uppercase().alias("bare_id"))
        .join(elsewhere, on="bare_id", how="left", maintain_order="left", validate="m:1")
        .with_columns(is_double.alias("is_double"), pl.col("cdr_key").str.starts_with(f"{cpo_id}*").alias("is_own"))
    )


def _facts(books: Books, keyed: pl.DataFrame) -> pl.DataFrame:
    given = books.cdrs.filter("is_credit").select(original_key(), pl.col("cdr_key").alias("credit_key"))
    by_original = given.drop_nulls("original_key").sort("credit_key").unique("original_key", keep="first")
    on_invoice = keyed.get_column("cdr_key").drop_nulls().unique().implode()
    return (
        books.cdrs.select(
            "cdr_key",
            pl.col("currency").alias("cdr_currency"),
            billed(pl.col("total_cost_excl_vat")).alias("claimed_excl_vat"),
            "billing_month",
        )
        .join(books.cases, on="cdr_key", how="left", validate="1:1")
        .join(by_original.rename({"original_key": "cdr_key"}), on="cdr_key", how="left", validate="1:1")
        .with_columns(
            pl.col("credit_key").is_in(on_invoice).fill_null(False).alias("carries_credit"),
            pl.col("is_live").fill_null(False).alias("is_disputed"),
            (pl.col("is_live") == pl.lit(False)).fill_null(False).alias("is_decided"),
            pl.coalesce("owed_excl_vat", "claimed_excl_vat").alias("owed_excl_vat"),
        )
    )


def _elsewhere(cdrs: pl.DataFrame, cpo_id: str) -> pl.DataFrame:
    """Give the CPO under whose name an id is known, for ids that this CPO does not have (`bare_id`, `other_cpo`)."""
    others = cdrs.filter(pl.col("cpo_id") != cpo_id)
    named = others.select(pl.col("cdr_id").str.to_uppercase().alias("bare_id"), pl.col("cpo_id").alias("other_cpo"))
    return named.sort("bare_id", "other_cpo").unique("bare_id", keep="first")


def _outcome() -> pl.Expr:
    """Choose the outcome of a line: the first of these that holds, so that each has exactly one."""
    is_known = pl.col("claimed_excl_vat").is_not_null() | pl.col("verdict").is_not_null()
    # A dispute that has ended says what is owed, whatever the rules still find.
    by_rules = (pl.col("verdict") == str(Verdict.ACCEPT)).fill_null(False)
    is_accepted = (by_rules | pl.col("is_decided").fill_null(False)) & ~pl.col("is_disputed").fill_null(False)
    asked = billed(pl.col("amount_excl_vat"))
    same_currency = pl.col("currency").is_null() | (pl.col("currency") == pl.col("cdr_currency"))
    is_same = same_currency & (asked.is_null() | (asked == pl.col("owed_excl_vat")))
    steps = (
        (pl.col("problem").is_not_null(), _WORDS.UNREADABLE),
        (pl.col("is_repeated") | pl.col("is_double"), _WORDS.ALREADY_INVOICED),
        (~pl.col("is_own"), _WORDS.OTHER_CPO),
        (~is_known & pl.col("other_cpo").is_not_null(), _WORDS.OTHER_CPO),
        (~is_known, _WORDS.MISSING_AT_US),
        (pl.col("credit_key").is_not_null() & ~pl.col("carries_credit"), _WORDS.CREDITED),
        (~is_accepted, _WORDS.HELD),
        (is_same.fill_null(False), _WORDS.MATCHED),
    )
    return pl.coalesce(
        *(pl.when(holds.fill_null(False)).then(pl.lit(str(word))) for holds, word in steps),
        pl.lit(str(_WORDS.DIFFERENT_AMOUNT)),
    )


def _with_amounts(judged: pl.DataFrame) -> pl.DataFrame:
    """Add `asked_excl_vat`, `difference_excl_vat`, `payable_excl_vat`, `disputed_excl_vat`.

    Of a CDR in dispute the undisputed part is payable: contracts let a customer withhold no more than it disputes.
    """
    asked, ours = billed(pl.col("amount_excl_vat")), pl.col("owed_excl_vat")
    same_currency = (pl.col("currency").is_null() | (pl.col("currency") == pl.col("cdr_currency"))).fill_null(False)
    is_matched = pl.col("outcome") == str(_WORDS.MATCHED)
    is_in_dispute = (pl.col("outcome") == str(_WORDS.HELD)) & pl.col("is_disputed")
    is_partly = ((pl.col("outcome") == str(_WORDS.DIFFERENT_AMOUNT)) | is_in_dispute) & same_currency
    payable = pl.when(is_matched).then(pl.coalesce(asked, ours))
    smaller = pl.when(ours.is_not_null()).then(pl.min_horizontal(asked, ours))
    payable = payable.when(is_partly).then(pl.coalesce(smaller, _NOTHING)).otherwise(_NOTHING)
    # An unknown amount of a line that cannot be paid stays unknown: nobody knows what is in dispute.
    told = judged.with_columns(
        asked.alias("asked_excl_vat"),
        pl.when(same_currency).then(asked - ours).alias("difference_excl_vat"),
        payable.cast(pl.Decimal(18, 2)).alias("payable_excl_vat"),
        pl.coalesce("currency", "cdr_currency").alias("currency"),
    )
    wanted = pl.coalesce("asked_excl_vat", "claimed_excl_vat")
    return told.with_columns((wanted - pl.col("payable_excl_vat")).cast(pl.Decimal(18, 2)).alias("disputed_excl_vat"))


_OWED: Final = ("claimed_excl_vat", "cdr_currency", "owed_excl_vat")
_ANOTHER_AMOUNT: Final = sentence(
    "asks {} {}, the CDR claims {} {}", "asked_excl_vat", "currency", "claimed_excl_vat", "cdr_currency"
)


def _reason() -> pl.Expr:
    """Say what is wrong with a line and what the CPO can do; null where nothing is."""
    told = {
        _WORDS.UNREADABLE: pl.col("problem"),
        _WORDS.ALREADY_INVOICED: pl.when("is_repeated")
        .then(pl.lit("named twice on this invoice: credit one of the lines"))
        .otherwise(sentence("approved already under invoice {}: credit this line", "approved_under")),
        _WORDS.OTHER_CPO: sentence("a CDR of {}: its own invoice has to name it", pl.coalesce("other_cpo", "cdr_key")),
        _WORDS.MISSING_AT_US: pl.lit("we never received this CDR: send it over OCPI, or credit the line"),
        _WORDS.CREDITED: sentence("taken back by credit CDR {}, which the invoice lacks", "credit_key"),
        _WORDS.HELD: pl.when("is_disputed")
        .then(sentence("in dispute: of {} {} the undisputed {} is payable until the case ends", *_OWED))
        .otherwise(sentence("not accepted (verdict {}): it is not payable yet", "verdict")),
        _WORDS.DIFFERENT_AMOUNT: pl.when("is_decided")
        .then(sentence("asks {} {}: its dispute ended with {} owed", "asked_excl_vat", "currency", "owed_excl_vat"))
        .otherwise(_ANOTHER_AMOUNT),
    }
    return pl.coalesce(pl.when(pl.col("outcome") == str(word)).then(said) for word, said in told.items())


def _missing(checked: pl.DataFrame, cpo_id: str, books: Books) -> pl.DataFrame:
    """Give the accepted CDRs of the CPO in the invoice's months that no line names and no invoice had before."""
    months = checked.get_column("billing_month").drop_nulls().unique()
    named = pl.concat([checked.get_column("cdr_key").drop_nulls(), books.approved.get_column("cdr_key")]).unique()
    accepted = books.verdicts.filter(
        pl.col("verdict") == str(Verdict.ACCEPT),
        pl.col("cpo_id") == cpo_id,
        pl.col("billing_month").is_in(months.implode()),
        ~pl.col("cdr_key").is_in(named.implode()),
        ~pl.col("cdr_key").is_in(books.cases.filter("is_live").get_column("cdr_key").implode()),
    ).select("cdr_key")
    own = books.cdrs.join(accepted, on="cdr_key", how="semi")
    blank = {name: pl.lit(None).cast(dtype) for name, dtype in CHECKED.items()}
    facts = {
        "cdr_id": pl.col("cdr_id"),
        "cdr_key": pl.col("cdr_key"),
        "outcome": pl.lit(str(_WORDS.MISSING_ON_INVOICE)),
        "claimed_excl_vat": billed(pl.col("total_cost_excl_vat")),
        "currency": pl.col("currency"),
        "payable_excl_vat": _NOTHING,
        "disputed_excl_vat": _NOTHING,
        "reason": pl.lit("accepted and not invoiced: it stays accrued until an invoice names it"),
        "billing_month": pl.col("billing_month"),
    }
    return own.select(value.alias(name) for name, value in (blank | facts).items())
