"""Reimbursement statements: what an employer refunds a driver for charging at home in a month."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from models.billing.documents import ReimbursementLine, ReimbursementStatement
from models.billing.issue import Issue
from models.billing.numbering import Number
from models.billing.parties import account_vat_id, customer_party, driver_party, home_vat_id, seller_party
from models.billing.problems import BillingProblem
from models.billing.records import Contract, Reimbursement, Vehicle
from models.billing.references import masked_iban, rf_reference
from models.billing.summaries import DayEnergy, week_energies
from models.types.vocabularies import CurrentType


class StatementKey(NamedTuple):
    """What all lines of one statement have in common."""

    account_id: str
    driver_id: str
    contract_id: str
    currency: str
    basis: str
    legal_reference: str


def statement_groups(reimbursements: Iterable[Reimbursement]) -> dict[StatementKey, list[Reimbursement]]:
    """Split reimbursements by statement, in order; lines are chronological."""
    groups: dict[StatementKey, list[Reimbursement]] = {}
    for row in sorted(reimbursements, key=lambda row: (row.started_at_local, row.cdr_key)):
        key = StatementKey(
            row.account_id or "",
            row.driver_id or "",
            row.contract_id or "",
            row.currency or "",
            str(row.basis),
            row.legal_reference or "",
        )
        groups.setdefault(key, []).append(row)
    return dict(sorted(groups.items()))


def statement(key: StatementKey, rows: Sequence[Reimbursement], number: Number, issue: Issue) -> ReimbursementStatement:
    """Make the statement over the reimbursements that share a key."""
    account, driver = issue.master.accounts[key.account_id], issue.master.drivers[key.driver_id]
    contract, entity = issue.master.contracts[key.contract_id], issue.master.legal_entities[account.legal_entity_id]
    vehicle = _vehicle(contract, issue)
    lines = tuple(_line(index, row) for index, row in enumerate(rows, start=1))
    return ReimbursementStatement(
        document_id=number.document_id,
        series=number.series,
        sequence=number.sequence,
        document_number=number.text,
        billing_month=str(issue.month),
        issued_on=issue.issued_on,
        language=account.language,
        issuer=seller_party(entity, home_vat_id(entity, issue.issued_on, issue.master)),
        employer=customer_party(account, account_vat_id(account, issue.issued_on, issue.master)),
        driver=driver_party(driver),
        account_id=account.account_id,
        legal_entity_id=entity.legal_entity_id,
        driver_id=driver.driver_id,
        vehicle_plate=vehicle.plate,
        vehicle_model=vehicle.model,
        cost_centre=contract.cost_centre,
        iban_masked=masked_iban(driver.iban),
        payment_reference=rf_reference(number.text),
        currency=key.currency,
        basis=key.basis,
        legal_reference=key.legal_reference,
        lines=lines,
        weeks=week_energies([_day(line) for line in lines], issue.month),
        sessions=len(lines),
        energy_kwh=sum((line.energy_kwh for line in lines), Decimal(0)),
        total=sum((line.amount for line in lines), Decimal("0.00")),
    )


def _line(number: int, row: Reimbursement) -> ReimbursementLine:
    if row.amount is None or row.price_per_kwh is None:
        msg = f"reimbursement {row.cdr_key} is billable but has no amount: rebuild billed/reimbursements"
        raise BillingProblem(msg)
    return ReimbursementLine(
        line_number=number,
        cdr_key=row.cdr_key,
        started_at_local=row.started_at_local,
        ended_at_local=row.ended_at_local,
        evse_id=row.evse_id or "",
        meter_id=row.meter_id or "",
        energy_kwh=row.energy_kwh,
        price_per_kwh=row.price_per_kwh,
        amount=row.amount,
    )


def _day(line: ReimbursementLine) -> DayEnergy:
    """Place a session in its week; a wallbox at home gives alternating current."""
    return DayEnergy(line.ended_at_local.date(), CurrentType.AC, line.energy_kwh)


def _vehicle(contract: Contract, issue: Issue) -> Vehicle:
    vehicle = issue.master.vehicles.get(contract.vehicle_id or "")
    if vehicle is None:
        msg = f"contract {contract.contract_id} charges at home without a vehicle in the master data: load it"
        raise BillingProblem(msg)
    return vehicle
