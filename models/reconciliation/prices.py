"""The price claimed and the price recomputed, side by side and comparable."""

from decimal import Decimal
from typing import Final

import polars as pl

from models.frames import beside
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import RatingOutcome

PRICE_COLUMNS: Final = (
    *("cdr_key", "outcome", "reason", "notes", "total_excl_vat", "total_incl_vat"),
    *("price_low_excl_vat", "price_high_excl_vat", "price_low_incl_vat", "price_high_incl_vat"),
    *("energy_excl_vat", "time_excl_vat", "parking_excl_vat", "fixed_excl_vat", "reservation_excl_vat"),
)
"""What rules read of `priced/wholesale_cdrs`."""


def with_prices(cdrs: pl.DataFrame, priced: pl.DataFrame) -> pl.DataFrame:
    """Add what the kernel made of each CDR, and `claimed_price`, `recomputed_price`, `difference` on one `price_basis`.

    Where the CDR leaves its price open, `price_low` and `price_high` bound it, and `price_notes` are rating's notes.

    The basis is `excl. VAT` where both sides know that amount, else `incl. VAT`, else null: prices are never compared
    across VAT. Both are rounded once before they are compared, because a CPO may claim four decimals or two. A credit
    CDR's total is negative on both sides: rating negates it too.

    Args:
        cdrs: `typed/cdrs` rows.
        priced: `priced/wholesale_cdrs`.
    """
    recomputed = priced.select(
        "cdr_key",
        pl.col("outcome").eq(str(RatingOutcome.PRICED)).alias("is_priced"),
        pl.col("reason").alias("not_priced_reason"),
        billed(pl.col("total_excl_vat")).alias("recomputed_excl_vat"),
        billed(pl.col("total_incl_vat")).alias("recomputed_incl_vat"),
        *(billed(pl.col(f"price_{name}")).alias(f"_{name}") for name in _BOUNDS),
        pl.col("notes").alias("price_notes"),
    )
    return (
        beside(cdrs, recomputed)
        .with_columns(
            pl.col("is_priced").fill_null(False),
            billed(pl.col("total_cost_excl_vat")).alias("claimed_excl_vat"),
            billed(pl.col("total_cost_incl_vat")).alias("claimed_incl_vat"),
        )
        .with_columns(
            _on_basis(pl.lit(WITHOUT_VAT), pl.lit(WITH_VAT)).alias("price_basis"),
            _on_basis(pl.col("claimed_excl_vat"), pl.col("claimed_incl_vat")).alias("claimed_price"),
            _on_basis(pl.col("recomputed_excl_vat"), pl.col("recomputed_incl_vat")).alias("recomputed_price"),
            _on_basis(pl.col("_low_excl_vat"), pl.col("_low_incl_vat")).alias("price_low"),
            _on_basis(pl.col("_high_excl_vat"), pl.col("_high_incl_vat")).alias("price_high"),
        )
        .drop(f"_{name}" for name in _BOUNDS)
        .with_columns((pl.col("claimed_price") - pl.col("recomputed_price")).cast(BILLED).alias("difference"))
    )


def net_difference() -> pl.Expr:
    """Give how far claim and recomputation lie apart, without VAT whatever basis they were compared on.

    Where only the prices with VAT are known on both sides, the claim's own totals say how much of it is VAT; null where
    they do not, and then nobody knows how much is in question. In whole cents, half away from zero.
    """
    cents = {name: pl.col(name).abs().to_physical().cast(pl.Int128) for name in _CLAIMED}
    gross, net, apart = (cents[name] for name in _CLAIMED)
    converted = pl.when(gross > 0).then((2 * apart * net + gross) // (2 * gross)).cast(pl.Decimal(38, 0)) * _CENT
    without = pl.col("price_basis") == WITHOUT_VAT
    return pl.when(without).then(pl.col("difference").abs()).otherwise(converted.cast(BILLED))


def exceeds_tolerance() -> pl.Expr:
    """Tell whether the difference is beyond both the amount and the share of the price that are tolerated.

    Where the CDR leaves its price open, what counts is how far the claim lies outside of the bounds. Without a
    division: difference x 100 against price x per cent, at a scale that keeps every digit.
    """
    outside = pl.max_horizontal(
        pl.col("price_low") - pl.col("claimed_price"), pl.col("claimed_price") - pl.col("price_high")
    )
    is_inside = (outside <= 0).fill_null(False)
    difference = pl.when(~is_inside).then(pl.coalesce(outside, pl.col("difference").abs())).otherwise(_NOTHING)
    share = pl.col("recomputed_price").abs().cast(_WIDE) * pl.col("tolerance_pct").cast(_WIDE)
    return (difference > pl.col("tolerance_amount")) & (difference.cast(_WIDE) * 100 > share)


WITHOUT_VAT: Final = "excl. VAT"
WITH_VAT: Final = "incl. VAT"
"""what `price_basis` says"""

_CLAIMED: Final = ("claimed_incl_vat", "claimed_excl_vat", "difference")
_CENT: Final = pl.lit(Decimal("0.01"))
_WIDE: Final = pl.Decimal(38, 6)
_NOTHING: Final = pl.lit(0).cast(BILLED)
_BOUNDS: Final = ("low_excl_vat", "high_excl_vat", "low_incl_vat", "high_incl_vat")


def _on_basis(excl_vat: pl.Expr, incl_vat: pl.Expr) -> pl.Expr:
    """Take the amount excl. VAT where both sides know it, else the one incl. VAT, else null."""
    both_excl = pl.col("claimed_excl_vat").is_not_null() & pl.col("recomputed_excl_vat").is_not_null()
    both_incl = pl.col("claimed_incl_vat").is_not_null() & pl.col("recomputed_incl_vat").is_not_null()
    return pl.when(both_excl).then(excl_vat).when(both_incl).then(incl_vat)
