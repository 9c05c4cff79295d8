"""Which charges share a tax invoice, and which invoices share a monthly bill."""

from collections.abc import Iterable
from typing import NamedTuple

from models.billing.records import Charge


class InvoiceKey(NamedTuple):
    """What all lines of one invoice have in common; invoices are numbered in the order of their keys.

    EN 16931 has one seller VAT id (BT-31), one buyer VAT id (BT-48) and one currency per invoice. Gross and net price
    lists are kept apart because a gross list books a rounding amount that a net one must not have.
    """

    legal_entity_id: str
    account_id: str
    currency: str
    seller_vat_id: str
    buyer_vat_id: str
    """empty where the customer has none"""
    is_gross_price_list: bool

    @property
    def bill(self) -> "BillKey":
        """The monthly bill that asks for this invoice's payment."""
        return BillKey(self.legal_entity_id, self.account_id, self.currency)


class BillKey(NamedTuple):
    """What all invoices of one monthly bill have in common."""

    legal_entity_id: str
    account_id: str
    currency: str


def invoice_groups(charges: Iterable[Charge]) -> dict[InvoiceKey, list[Charge]]:
    """Split charges by invoice; keys and lines come in their printed order."""
    groups: dict[InvoiceKey, list[Charge]] = {}
    for charge in sorted(charges, key=_line_order):
        groups.setdefault(_key(charge), []).append(charge)
    return dict(sorted(groups.items()))


def bill_groups(invoices: Iterable[InvoiceKey]) -> dict[BillKey, list[InvoiceKey]]:
    """Split invoices by monthly bill, in order."""
    groups: dict[BillKey, list[InvoiceKey]] = {}
    for key in sorted(invoices):
        groups.setdefault(key.bill, []).append(key)
    return groups


def _key(charge: Charge) -> InvoiceKey:
    return InvoiceKey(
        legal_entity_id=charge.legal_entity_id,
        account_id=charge.account_id or "",
        currency=charge.currency,
        seller_vat_id=charge.seller_vat_id or "",
        buyer_vat_id=charge.buyer_vat_id or "",
        is_gross_price_list=charge.is_gross_price_list,
    )


def _line_order(charge: Charge) -> tuple[str, str, str, str]:
    """Order sessions before fees, then by country, time and key ("session" < "subscription")."""
    when = charge.started_at_local or charge.supplied_on
    return str(charge.kind), charge.place_country or "", when.isoformat(), charge.charge_id
