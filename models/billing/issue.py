"""What all documents of one close share."""

from dataclasses import dataclass
from datetime import date

from models.billing.documents import PriceLine
from models.billing.rates import VatRates
from models.billing.records import MasterData
from models.types.time import BillingMonth


@dataclass(frozen=True, slots=True)
class Issue:
    """One close: its month, its date, and the books that it reads."""

    month: BillingMonth
    issued_on: date
    """the day of the close's `as_of` on the company's calendar"""
    master: MasterData
    rates: VatRates
    price_lines: dict[str, tuple[PriceLine, ...]]
    """by CDR, see `models.billing.lines.price_lines`"""
