"""Net, gross and VAT: the three places where an amount is rounded, and nowhere else.

1. a line: `billed` (precise to minor units) and, under a gross price list, `net_of_gross`;
2. VAT, once per document, country, category and rate: `vat_of`;
3. what a gross price list leaves over is booked, not spread: `rounding_amount` of the document.
"""

from decimal import Decimal
from fractions import Fraction

from models.types.money import BILLED_SCALE, rounded


def billed(precise: Decimal) -> Decimal:
    """Round a precise amount to minor units."""
    return rounded(precise, BILLED_SCALE)


def net_of_gross(gross: Decimal, rate_pct: Decimal) -> Decimal:
    """Give round(gross / (1 + rate)), exactly.

    The quotient rarely ends (1.00 / 1.19), so a decimal division would round twice; a fraction rounds once.
    """
    cents = Fraction(gross) * 100 / (1 + Fraction(rate_pct) / 100)
    doubled = 2 * abs(cents) + 1
    whole = doubled.numerator // (2 * doubled.denominator)
    return Decimal(whole if cents >= 0 else -whole).scaleb(-BILLED_SCALE)


def vat_of(taxable_amount: Decimal, rate_pct: Decimal) -> Decimal:
    """Give round(taxable amount x rate): BT-117 of EN 16931, for all lines of one rate together."""
    return rounded((taxable_amount * rate_pct).scaleb(-2), BILLED_SCALE)
