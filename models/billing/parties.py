"""Sellers, customers and drivers as a document prints them."""

from datetime import date

from models.billing.documents import BankAccount, Party
from models.billing.problems import BillingProblem
from models.billing.records import Account, Driver, LegalEntity, MasterData, VatRegistration, is_valid_on


def seller_party(entity: LegalEntity, vat_id: str | None) -> Party:
    """Give the issuing company, under the VAT id that the document is made under."""
    return Party(
        name=entity.name,
        street=entity.street,
        postal_code=entity.postal_code,
        city=entity.city,
        country=entity.country,
        vat_id=vat_id,
        registration_number=entity.registration_number,
        email=entity.email,
        phone=entity.phone,
        website=entity.website,
    )


def customer_party(account: Account, vat_id: str | None) -> Party:
    """Give the customer."""
    return Party(
        name=account.name,
        street=account.street,
        postal_code=account.postal_code,
        city=account.city,
        country=account.country,
        vat_id=vat_id,
        email=account.email,
    )


def driver_party(driver: Driver) -> Party:
    """Give a driver with the home address."""
    return Party(
        name=driver.name,
        street=driver.street,
        postal_code=driver.postal_code,
        city=driver.city,
        country=driver.country,
    )


def bank_account(entity: LegalEntity) -> BankAccount:
    """Give the account to pay to."""
    return BankAccount(holder=entity.name, iban=entity.iban, bic=entity.bic, bank_name=entity.bank_name)


def registration_of(legal_entity_id: str, vat_id: str, master: MasterData) -> VatRegistration:
    """Give the registration behind a seller's VAT id."""
    for row in master.vat_registrations:
        if (row.legal_entity_id, row.vat_id) == (legal_entity_id, vat_id):
            return row
    msg = f"VAT id {vat_id} of {legal_entity_id} is not in vat_registrations: load it and close again"
    raise BillingProblem(msg)


def home_vat_id(entity: LegalEntity, on: date, master: MasterData) -> str | None:
    """Give the company's VAT id of its own country on a day: what a paper that is no tax invoice prints."""
    for row in master.vat_registrations:
        is_home = (row.legal_entity_id, row.country) == (entity.legal_entity_id, entity.country)
        if is_home and is_valid_on(on, row.valid_from, row.valid_to):
            return row.vat_id
    return None


def account_vat_id(account: Account, on: date, master: MasterData) -> str | None:
    """Give the customer's VAT id of its own country on a day."""
    for row in master.account_vat_ids:
        is_home = (row.account_id, row.country) == (account.account_id, account.country)
        if is_home and is_valid_on(on, row.valid_from, row.valid_to):
            return row.vat_id
    return None
