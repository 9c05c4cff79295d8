"""The facts of a VAT decision, taken from the books as they were on the supply date."""

from dataclasses import dataclass
from datetime import date

from models.billing.records import MasterData, is_valid_on
from models.billing.vat import SupplyFacts
from models.types.vocabularies import SupplyKind


@dataclass(frozen=True, slots=True)
class Supply:
    """What distinguishes one supply from another for VAT: thousands of sessions share a few of these."""

    legal_entity_id: str
    account_id: str
    supply_kind: SupplyKind
    supplied_on: date
    place_country: str | None


def supply_facts(supply: Supply, master: MasterData) -> SupplyFacts:
    """Look up who seller and customer were for VAT on the day of the supply."""
    on = supply.supplied_on
    entity, account = master.legal_entities[supply.legal_entity_id], master.accounts[supply.account_id]
    registrations = [
        row
        for row in master.vat_registrations
        if row.legal_entity_id == supply.legal_entity_id and is_valid_on(on, row.valid_from, row.valid_to)
    ]
    return SupplyFacts(
        supply_kind=supply.supply_kind,
        supplied_on=on,
        place_country=supply.place_country,
        seller_country=entity.country,
        seller_establishments=frozenset(row.country for row in registrations if row.is_establishment),
        seller_vat_ids={row.country: row.vat_id for row in registrations},
        customer_kind=account.kind,
        customer_country=account.country,
        customer_vat_ids={
            row.country: row.vat_id
            for row in master.account_vat_ids
            if row.account_id == supply.account_id and is_valid_on(on, row.valid_from, row.valid_to)
        },
        is_reseller=account.is_reseller,
    )
