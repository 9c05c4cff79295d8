"""Document numbers: gapless within a series, one series per kind, year and (for invoices) VAT country of the seller."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A place in a series."""

    series: str
    sequence: int

    @property
    def text(self) -> str:
        """Write it as it is printed, such as `INV-DE-2026-000001`."""
        return f"{self.series}-{self.sequence:06d}"

    @property
    def document_id(self) -> str:
        """Give the key of the document that bears this number."""
        return self.text.lower()


class Numbers:
    """Gives the next numbers of all series, in the order in which they are asked for.

    The last numbers are read, and the documents written, in one transaction of the register: a failed issue gives its
    numbers back, so that no series ever has a hole.
    """

    def __init__(self, last: Mapping[str, int]) -> None:
        self._last = dict(last)

    def take(self, series: str) -> Number:
        """Take the next number of a series."""
        self._last[series] = self._last.get(series, 0) + 1
        return Number(series, self._last[series])


def invoice_series(vat_country: str, year: int) -> str:
    """Name the series of invoices under the seller's VAT number of a country."""
    return f"INV-{vat_country}-{year}"


def bill_series(year: int) -> str:
    """Name the series of monthly bills."""
    return f"BILL-{year}"


def statement_series(year: int) -> str:
    """Name the series of reimbursement statements."""
    return f"REIMB-{year}"
