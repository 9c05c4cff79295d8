"""The truth about a world: per CDR, customer, driver and authorization, from what really happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.types.money import rounded
from models.types.time import BillingMonth
from models.types.vocabularies import Verdict
from pipelines.sandbox.clock import COMPANY_ZONE, DAY, HOUR, instant, month_bounds
from pipelines.sandbox.people import Contract, HomeCharger, People
from pipelines.sandbox.published import Authorization, PublishedCdr
from pipelines.sandbox.truth_retail import Owed, Totals, owed_for_month, owed_for_session, refund, totals
from pipelines.sandbox.truth_wholesale import wholesale_price

_CLOSED_AFTER = 4 * DAY + 6 * HOUR
"""a month is closed on the 5th of the next at 06:00; what appears later is billed with the next month"""


@dataclass(frozen=True, slots=True)
class CdrTruth:
    """One row per CDR."""

    cdr_key: str
    billing_month: date
    faults: str
    """joined by `;`, empty where clean"""
    right_wholesale_excl_vat: Decimal
    """for what really happened at the agreed price, in the CDR's currency, four decimals"""
    expected_verdict: str


@dataclass(frozen=True, slots=True)
class InvoiceTruth:
    """One row per customer, month of the bill, seller VAT id and currency."""

    account_id: str
    bill_month: date
    seller_vat_id: str
    currency: str
    net_total: Decimal
    vat_total: Decimal
    rounding_amount: Decimal
    total: Decimal
    lines: int


@dataclass(frozen=True, slots=True)
class BillTruth:
    """One row per customer and month: the one amount due."""

    account_id: str
    bill_month: date
    total: Decimal


@dataclass(frozen=True, slots=True)
class ReimbursementTruth:
    """One row per driver and month."""

    driver_id: str
    bill_month: date
    energy_kwh: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class AuthorizationTruth:
    """One row per authorization; `cdr_key` empty where no session came of it."""

    authorization_id: str
    cdr_key: str


@dataclass(frozen=True, slots=True)
class RejectTruth:
    """One row per record that the intake must refuse, and by which rule."""

    connection_id: str
    module: str
    record_id: str
    expected_rule: str


@dataclass(frozen=True)
class Truth:
    """Everything that the product's numbers are held against."""

    cdrs: tuple[CdrTruth, ...]
    invoices: tuple[InvoiceTruth, ...]
    bills: tuple[BillTruth, ...]
    reimbursements: tuple[ReimbursementTruth, ...]
    authorizations: tuple[AuthorizationTruth, ...]
    rejects: tuple[RejectTruth, ...] = ()


def tell_truth(
    month: BillingMonth,
    people: People,
    cdrs: Iterable[PublishedCdr],
    authorizations: Iterable[Authorization],
    rejects: tuple[RejectTruth, ...],
) -> Truth:
    """Work out the truth of a world of two months, `month` being the second."""
    published = list(cdrs)
    invoices = _invoices(month, people, published)
    return Truth(
        cdrs=tuple(_cdr(each) for each in published),
        invoices=invoices,
        bills=_bills(invoices),
        reimbursements=_reimbursements(month, published),
        authorizations=tuple(AuthorizationTruth(a.authorization_id, a.cdr_key or "") for a in authorizations),
        rejects=rejects,
    )


def billing_month(published: PublishedCdr) -> BillingMonth:
    """Give the month of a CDR's end on the company's calendar."""
    return BillingMonth.of(instant(published.claim.session.started + published.claim.charge.seconds), COMPANY_ZONE)


def bill_month(published: PublishedCdr) -> BillingMonth:
    """Give the month whose bill a CDR is on: its own, or the next where it appeared after the close."""
    month = billing_month(published)
    _, end = month_bounds(month)
    return month if published.claim.published_at < end + _CLOSED_AFTER else month.next


def _cdr(published: PublishedCdr) -> CdrTruth:
    claim = published.claim
    agreed = wholesale_price(claim.session.prices, claim.session)
    return CdrTruth(
        published.cdr_key,
        billing_month(published).first_day,
        str(claim.fault or ""),
        rounded(agreed, 4),
        str(Verdict.HOLD if is_held(published) else Verdict.ACCEPT),
    )


def is_held(published: PublishedCdr) -> bool:
    """Tell whether a CDR is faulty and so is to be held and disputed."""
    return published.claim.fault is not None


def _billed(month: BillingMonth, cdrs: Iterable[PublishedCdr]) -> Iterable[tuple[PublishedCdr, Contract, date]]:
    """Give the CDRs that are on the bills of the two months, with contract and month of the bill."""
    for published in cdrs:
        contract, on_bill_of = published.claim.session.contract, bill_month(published)
        if contract and not is_held(published) and on_bill_of <= month:
            yield published, contract, on_bill_of.first_day


def _invoices(month: BillingMonth, people: People, cdrs: list[PublishedCdr]) -> tuple[InvoiceTruth, ...]:
    groups: dict[tuple[str, date, str], list[Owed]] = {}
    for on_bill_of, owed in [*_sessions_owed(month, cdrs), *_fees_owed(month, people)]:
        groups.setdefault((owed.account_id, on_bill_of, owed.seller_vat_id), []).append(owed)
    return tuple(_invoice(*key, totals(owed)) for key, owed in sorted(groups.items(), key=lambda item: item[0]))


def _sessions_owed(month: BillingMonth, cdrs: list[PublishedCdr]) -> Iterable[tuple[date, Owed]]:
    for published, contract, on_bill_of in _billed(month, cdrs):
        session = published.claim.session
        if not session.is_home:
            yield on_bill_of, owed_for_session(contract, session)


def _fees_owed(month: BillingMonth, people: People) -> Iterable[tuple[date, Owed]]:
    for each in (month.previous, month):
        for contract in people.contracts:
            starts_in_time = contract.valid_from <= each.last_day
            is_touched = starts_in_time and (contract.valid_to is None or contract.valid_to > each.first_day)
            owed = owed_for_month(contract) if is_touched else None
            if owed:
                yield each.first_day, owed


def _invoice(account_id: str, on_bill_of: date, seller_vat_id: str, figures: Totals) -> InvoiceTruth:
    return InvoiceTruth(
        account_id,
        on_bill_of,
        seller_vat_id,
        "EUR",
        figures.net_total,
        figures.vat_total,
        figures.rounding_amount,
        figures.total,
        figures.lines,
    )


def _bills(invoices: Iterable[InvoiceTruth]) -> tuple[BillTruth, ...]:
    due: dict[tuple[str, date], Decimal] = {}
    for invoice in invoices:
        key = (invoice.account_id, invoice.bill_month)
        due[key] = due.get(key, Decimal("0.00")) + invoice.total
    return tuple(BillTruth(account_id, on, total) for (account_id, on), total in sorted(due.items()))


def _reimbursements(month: BillingMonth, cdrs: list[PublishedCdr]) -> tuple[ReimbursementTruth, ...]:
    paid: dict[tuple[str, date], tuple[int, Decimal]] = {}
    for published, contract, on_bill_of in _billed(month, cdrs):
        session, charger = published.claim.session, contract.home_charger
        if session.is_home and charger:
            key = (charger.driver_id, on_bill_of)
            energy_wh, amount = paid.get(key, (0, Decimal("0.00")))
            paid[key] = (energy_wh + session.charge.energy_wh, amount + _refund(charger, published))
    return tuple(
        ReimbursementTruth(driver_id, on, Decimal(energy_wh).scaleb(-3), amount)
        for (driver_id, on), (energy_wh, amount) in sorted(paid.items())
    )


def _refund(charger: HomeCharger, published: PublishedCdr) -> Decimal:
    return refund(charger, published.claim.session)
