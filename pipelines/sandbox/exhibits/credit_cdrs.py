"""Credit CDRs of exhibits: those that fit what they take back, and those that do not."""

from __future__ import annotations

from decimal import Decimal

from models.ocpi.canonical import Price
from models.types.money import rounded
from pipelines.sandbox.clock import DAY
from pipelines.sandbox.exhibits.case import Case, Workshop
from pipelines.sandbox.exhibits.faults import beside


def credited(shop: Workshop, case: Case, later: int, share: Decimal) -> Case:
    """Take a share of a CDR back; all but the total is repeated."""
    excl = case.cdr.total_cost.excl_vat or Decimal(0)
    amount = rounded(-excl * share, 4)
    total = Price(amount, rounded(amount * Decimal("1.19"), 4))
    return shop.copy(case, later, is_credit=True, credit_reference_id=case.cdr.cdr_id, total_cost=total)


def odd_credit(shop: Workshop) -> list[Case]:
    """Credit what was never claimed, twice, too much or in part."""
    case = shop.case(started=shop.at(shop.random.randrange(3, 12), 12))
    kind = shop.random.randrange(4)
    if kind == 0:
        credit = credited(shop, case, DAY, Decimal(1))
        credit.change(credit_reference_id=f"{case.cdr.cdr_id}-NONE")
        return beside([case], credit, "R32", may=("R33",))
    if kind == 1:
        first = credited(shop, case, DAY, Decimal(1))
        first.may.add("R33")
        return beside([case, first], credited(shop, case, 2 * DAY, Decimal(1)), "R32", may=("R33",))
    share = Decimal("1.5") if kind == 2 else Decimal("0.4")
    return beside([case], credited(shop, case, DAY, share), "R32", may=("R33",))


def credit_alone(shop: Workshop) -> list[Case]:
    """Take a CDR back, and replace it by nothing."""
    case = shop.case(started=shop.at(shop.random.randrange(3, 12), 12))
    return beside([case], credited(shop, case, DAY, Decimal(1)), "R33")


def credit_and_replacement(shop: Workshop) -> list[Case]:
    """Take a wrong CDR back and send the right one: nothing is to be found."""
    case = shop.case(started=shop.at(shop.random.randrange(3, 12), 12))
    case.claim((case.cdr.total_cost.excl_vat or Decimal(0)) * 2)
    right = shop.copy(case, 3 * DAY)
    right.rebill()
    return beside([case, credited(shop, case, DAY, Decimal(1))], right)
