"""What the check of a line says: what is wrong with it and what the CPO can do."""

from typing import Final

import polars as pl

from models.reconciliation.wording import sentence
from models.types.vocabularies import InvoiceLineOutcome

_WORDS: Final = InvoiceLineOutcome
_ELSEWHERE: Final = ("approved_elsewhere_excl_vat", "approved_under")
_ASKED: Final = ("asked_excl_vat", "currency")


def reason() -> pl.Expr:
    """Give the sentence of a line's outcome, and what is wrong with its VAT; null where there is nothing to say."""
    told = {
        _WORDS.UNREADABLE: pl.col("problem"),
        _WORDS.ALREADY_INVOICED: _already_invoiced(),
        _WORDS.OTHER_CPO: sentence("a CDR of {}: its own invoice has to name it", pl.coalesce("other_cpo", "cdr_key")),
        _WORDS.MISSING_AT_US: pl.lit("we never received this CDR: send it over OCPI, or credit the line"),
        _WORDS.CREDITED: sentence(
            "of {} {}, {} is taken back by credit CDR {}, which no invoice carries yet",
            *("claimed_excl_vat", "cdr_currency", "credited_excl_vat", "credit_key"),
        ),
        _WORDS.HELD: _held(),
        _WORDS.MATCHED: _of_the_rest(),
        _WORDS.DIFFERENT_VAT: _of_the_rest(),
        _WORDS.DIFFERENT_AMOUNT: _different_amount(),
    }
    said = pl.coalesce(pl.when(pl.col("outcome") == str(word)).then(text) for word, text in told.items())
    with_vat = pl.when(pl.col("disputed_vat").is_not_null()).then("vat_reason")
    both = pl.concat_str(said, with_vat, separator="; ", ignore_nulls=True)
    return pl.when(both != "").then(both)


def _has_other() -> pl.Expr:
    return (pl.col("approved_elsewhere_excl_vat") != 0).fill_null(False)


def _already_invoiced() -> pl.Expr:
    return (
        pl.when("is_repeated")
        .then(pl.lit("named twice on this invoice: credit one of the lines"))
        .when(pl.col("is_disputed").fill_null(False) & _has_other())
        .then(sentence("in dispute: the undisputed {} is approved under invoice {}, the rest waits", *_ELSEWHERE))
        .when(_has_other())
        .then(sentence("approved already under invoice {}: credit this line", "approved_under"))
        .otherwise(pl.lit("approved already under another invoice: credit this line"))
    )


def _held() -> pl.Expr:
    amounts = ("claimed_excl_vat", "cdr_currency", "owed_excl_vat")
    return (
        pl.when("is_disputed")
        .then(sentence("in dispute: of {} {} the undisputed {} is payable until the case ends", *amounts))
        .otherwise(sentence("not accepted (verdict {}): it is not payable yet", "verdict"))
    )


def _of_the_rest() -> pl.Expr:
    text = sentence("the rest of {} {}: {} is approved under invoice {}", "owed_excl_vat", "cdr_currency", *_ELSEWHERE)
    return pl.when(_has_other()).then(text)


def _different_amount() -> pl.Expr:
    claimed = ("claimed_excl_vat", "cdr_currency")
    return (
        pl.when(_has_other())
        .then(
            sentence("asks {} {}: of {} owed, {} is approved under invoice {}", *_ASKED, "owed_excl_vat", *_ELSEWHERE)
        )
        .when("is_decided")
        .then(sentence("asks {} {}: its dispute ended with {} owed", *_ASKED, "owed_excl_vat"))
        .otherwise(sentence("asks {} {}, the CDR claims {} {}", *_ASKED, *claimed))
    )
