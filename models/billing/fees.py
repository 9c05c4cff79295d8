"""Monthly fees: a full fee for every calendar month that a contract touches, never a part of one."""

import polars as pl

from models.billing.charges import Books, finished_charges
from models.billing.records import Contract, MasterData
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeKind, SupplyKind


def fee_charges(month: BillingMonth, books: Books) -> pl.DataFrame:
    """Give the charges for the monthly fees of a month, in the shape of `billed/charges`."""
    contracts = sorted(books.master.contracts.values(), key=lambda contract: contract.contract_id)
    rows = [
        _fee_row(contract, month, books.master)
        for contract in contracts
        if _touches(contract, month) and _has_fee(contract, books.master)
    ]
    schema = {name: kind for name, kind in table(Layer.BILLED, "charges").schema.items() if name in _FEE_COLUMNS}
    return finished_charges(pl.DataFrame(rows, schema=schema, orient="row"), books)


_FEE_COLUMNS = (
    "charge_id",
    "kind",
    "review_reason",
    "legal_entity_id",
    "account_id",
    "contract_id",
    "plan_id",
    "vehicle_id",
    "driver_id",
    "cost_centre",
    "supply_kind",
    "supplied_on",
    "place_country",
    "currency",
    "is_gross_price_list",
    "precise_amount",
    "billing_month",
)


def _fee_row(contract: Contract, month: BillingMonth, master: MasterData) -> dict[str, object]:
    account, plan = master.accounts[contract.account_id], master.plans[contract.plan_id]
    return {
        "charge_id": f"F:{contract.contract_id}:{month}",
        "kind": str(ChargeKind.SUBSCRIPTION),
        "review_reason": None,
        "legal_entity_id": account.legal_entity_id,
        "account_id": account.account_id,
        "contract_id": contract.contract_id,
        "plan_id": plan.plan_id,
        "vehicle_id": contract.vehicle_id,
        "driver_id": contract.driver_id,
        "cost_centre": contract.cost_centre,
        "supply_kind": str(SupplyKind.SUBSCRIPTION),
        "supplied_on": month.last_day,
        "place_country": account.country,
        "currency": plan.currency,
        "is_gross_price_list": plan.is_gross_price_list,
        "precise_amount": plan.monthly_fee,
        "billing_month": month.first_day,
    }


def _touches(contract: Contract, month: BillingMonth) -> bool:
    starts_in_time = contract.valid_from <= month.last_day
    return starts_in_time and (contract.valid_to is None or contract.valid_to > month.first_day)


def _has_fee(contract: Contract, master: MasterData) -> bool:
    """Tell whether the plan asks for a fee; a contract of an unknown account or plan fails the intake's checks."""
    plan = master.plans.get(contract.plan_id)
    return plan is not None and plan.monthly_fee != 0 and contract.account_id in master.accounts
