"""How a disputed claim divides: payable, held and conceded, which always add up to what the CDR claims.

The undisputed part is payable while the rest is in dispute, as contracts ask; a credit concedes what it takes back,
whichever state the case is in. All amounts are excl. VAT, in the claim's currency.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Final

_NONE: Final = Decimal(0)


class Ending(Enum):
    """How a case ended, as far as money is concerned."""

    NOT_YET = auto()
    FOR_THE_CPO = auto()
    """what no credit took back is payable"""
    FOR_US = auto()
    """the disputed part is not owed"""


@dataclass(frozen=True, slots=True)
class CaseAmounts:
    """The parts of a claim; all None where the CDR states no amount, because unknown is not zero."""

    claimed: Decimal | None
    payable: Decimal | None
    """may be paid now"""
    held: Decimal | None
    """in dispute: accrued, neither paid nor billed"""
    conceded: Decimal | None
    """not owed: credited, or lapsed"""


UNKNOWN: Final = CaseAmounts(None, None, None, None)


def divide(claimed: Decimal | None, disputed: Decimal | None, credited: Decimal, ending: Ending) -> CaseAmounts:
    """Divide a claim.

    Args:
        claimed: what the CDR claims; below zero for a credit CDR that is itself in dispute.
        disputed: what of it is in question; None or more than the claim is all of it.
        credited: the sum of the credits, as a positive number; more than the claim concedes no more than the claim.
        ending: how the case ended.
    """
    if claimed is None:
        return UNKNOWN
    size, sign = abs(claimed), -1 if claimed < 0 else 1
    question = size if disputed is None else min(abs(disputed), size)
    taken_back = min(credited, size)
    held = max(question - taken_back, _NONE) if ending is Ending.NOT_YET else _NONE
    conceded = max(question, taken_back) if ending is Ending.FOR_US else taken_back
    parts = (size - held - conceded, held, conceded)
    # Adding zero turns a negative zero, which would print as -0.00, into zero.
    return CaseAmounts(claimed, *(_NONE + sign * part for part in parts))
