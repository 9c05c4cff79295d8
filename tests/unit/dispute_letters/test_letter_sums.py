"""The sums of a letter: by currency, disputed credits apart from disputed claims, unknown amounts counted."""

from decimal import Decimal

from models.reconciliation.letters import LetterCase, LetterSum, sums_of


def case(claimed, held, currency="EUR"):
    amounts = [None if amount is None else Decimal(amount) for amount in (claimed, held)]
    return LetterCase("DE*LDW*C1", None, None, None, None, currency, amounts[0], None, Decimal(1), amounts[1], None, ())


def test_a_held_credit_takes_nothing_off_what_is_held_of_claims():
    cases = [case("20.00", "6.27"), case("-26.37", "-26.37"), case("5.00", None), case("60.00", "12.98", "DKK")]
    assert sums_of(cases) == (
        LetterSum("DKK", Decimal("60.00"), Decimal(1), Decimal("12.98"), 0),
        LetterSum("EUR", Decimal("25.00"), Decimal(2), Decimal("6.27"), 1),
        LetterSum("EUR", Decimal("-26.37"), Decimal(1), Decimal("-26.37"), 0),
    )
