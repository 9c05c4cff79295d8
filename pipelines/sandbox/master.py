"""The people of a world as rows of the master tables, in the columns of `models.schemas.master`."""

from __future__ import annotations

from datetime import date

from pipelines.sandbox.people import Account, Contract, HomeCharger, People

_LEGAL_ENTITY = "nordstern"
_CHARGERS_SINCE = date(2025, 1, 1)

Row = dict[str, object]


def master_rows(people: People) -> dict[str, list[Row]]:
    """Give the rows of every master table that depends on the seed."""
    of_fleets = [contract for contract in people.contracts if contract.driver]
    return {
        "accounts": [_account(account) for account in people.accounts],
        "account_vat_ids": [row for account in people.accounts for row in _vat_ids(account)],
        "contracts": [_contract(contract) for contract in people.contracts],
        "drivers": [_driver(contract) for contract in of_fleets],
        "vehicles": [_vehicle(contract) for contract in of_fleets],
        "home_chargers": [_home_charger(charger) for charger in people.home_chargers],
    }


def _account(account: Account) -> Row:
    return {
        "account_id": account.account_id,
        "kind": str(account.kind),
        "name": account.name,
        "street": account.street,
        "postal_code": account.postal_code,
        "city": account.city,
        "country": account.country,
        "email": account.email,
        "language": account.language,
        "currency": "EUR",
        "is_reseller": "false",
        "payment_terms_days": account.payment_terms_days,
        "legal_entity_id": _LEGAL_ENTITY,
        "valid_from": account.valid_from,
        "valid_to": None,
    }


def _vat_ids(account: Account) -> list[Row]:
    return [
        {
            "account_id": account.account_id,
            "country": country,
            "vat_id": vat_id,
            "valid_from": account.valid_from,
            "valid_to": None,
        }
        for country, vat_id in account.vat_ids
    ]


def _contract(contract: Contract) -> Row:
    return {
        "contract_id": contract.contract_id,
        "account_id": contract.account.account_id,
        "plan_id": contract.plan_id,
        "driver_id": contract.driver.driver_id if contract.driver else None,
        "vehicle_id": contract.vehicle_id,
        "cost_centre": contract.cost_centre,
        "valid_from": contract.valid_from,
        "valid_to": contract.valid_to,
    }


def _driver(contract: Contract) -> Row:
    driver = contract.driver
    if driver is None:
        msg = f"contract {contract.contract_id} has no driver"
        raise ValueError(msg)
    return {
        "driver_id": driver.driver_id,
        "account_id": contract.account.account_id,
        "name": driver.name,
        "street": driver.street,
        "postal_code": driver.postal_code,
        "city": driver.city,
        "country": driver.country,
        "iban": driver.iban,
    }


def _vehicle(contract: Contract) -> Row:
    return {
        "vehicle_id": contract.vehicle_id,
        "account_id": contract.account.account_id,
        "plate": contract.plate,
        "model": contract.car.model,
        "battery_kwh": contract.car.battery_kwh,
    }


def _home_charger(charger: HomeCharger) -> Row:
    return {
        "evse_id": charger.evse.evse_id,
        "driver_id": charger.driver_id,
        "meter_id": charger.meter_id,
        "basis": str(charger.basis),
        "contract_price_per_kwh": charger.contract_price_per_kwh,
        "currency": "EUR",
        "valid_from": _CHARGERS_SINCE,
        "valid_to": None,
    }
