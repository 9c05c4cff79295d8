"""The VAT decision of one supply: rows E1-E4 and F1-F3 of `data/reference/vat_decision_table.csv`.

The place of electricity is where it is used, so the charge point's country (Art. 39 Directive 2006/112/EC); a fee that
is due without charging is a service of its own (C-60/23) in the customer's country. What the table leaves open, or what
needs a fact that is missing, is `Undecided`: such a charge waits for a person and is never billed by a default.
Start, time and idle fees inside a session follow the electricity (X1), hence one decision per session.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from models.billing.rates import VatRates
from models.types.vocabularies import AccountKind, SupplyKind, VatCase, VatCategory

SINGLE_VAT_REGISTRATION: Final = date(2028, 7, 1)
"""From here Directive (EU) 2025/516 widens the reverse charge; the table's E3 is sourced only up to the day before."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyFacts:
    """What the decision depends on, all of it as it was on the supply date."""

    supply_kind: SupplyKind
    supplied_on: date
    place_country: str | None
    """the charge point's country; for a fee the customer's"""
    seller_country: str
    seller_establishments: frozenset[str]
    """countries in which the seller is established: a mere VAT registration does not count (Art. 192a)"""
    seller_vat_ids: Mapping[str, str]
    """by country"""
    customer_kind: AccountKind
    customer_country: str
    customer_vat_ids: Mapping[str, str]
    """by country"""
    is_reseller: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VatDecision:
    """Which VAT a supply bears, and under which numbers it is invoiced."""

    case: VatCase
    country: str
    category: VatCategory
    rate_pct: Decimal
    seller_vat_id: str
    buyer_vat_id: str | None
    """the customer's number of that country, else of its home country; for AE always the one that carries the tax"""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why a person must decide, as a sentence."""

    reason: str


def decide(facts: SupplyFacts, rates: VatRates) -> VatDecision | Undecided:
    """Decide the VAT of one supply."""
    if facts.is_reseller:
        return Undecided("the customer resells electricity: cases E5, E6 and their fees are decided by a person")
    if facts.customer_kind is AccountKind.CONSUMER and facts.customer_vat_ids:
        return Undecided("the customer is booked as a consumer but has a VAT id: correct the account")
    return _electricity(facts, rates) if facts.supply_kind is SupplyKind.ELECTRICITY else _subscription(facts, rates)


def legal_note(case: VatCase, country: str, rates: VatRates) -> str | None:
    """Give the text that a reverse charge must bear (Art. 226(11a)), in English and as the taxing state words it."""
    basis = {VatCase.E2: "Art. 195", VatCase.F2: "Art. 44, 196"}.get(case)
    if basis is None:
        return None
    local = rates.reverse_charge_wording.get(country)
    wording = f"Reverse charge - {local}" if local and local != "Reverse charge" else "Reverse charge"
    return f"{wording} ({basis} Directive 2006/112/EC)"


def _electricity(facts: SupplyFacts, rates: VatRates) -> VatDecision | Undecided:
    """Decide E1-E4: the place is the charge point's country."""
    place = facts.place_country
    if place is None:
        return Undecided("the charge point's country is not known: load the location")
    if place not in rates.member_states:
        return Undecided(f"{place} is outside the European Union: cases G1-G5 are decided by a person")
    seller_vat_id = facts.seller_vat_ids.get(place)
    if seller_vat_id is None:
        return Undecided(f"the seller has no VAT registration in {place} on {facts.supplied_on}: load it")
    case = _electricity_case(facts, place)
    if case is VatCase.E2:
        return _reverse_charge(case, place, seller_vat_id, facts.customer_vat_ids[place])
    if case is VatCase.E3 and facts.supplied_on >= SINGLE_VAT_REGISTRATION:
        return Undecided("who owes the VAT is not sourced for supplies from 2028-07-01 on (Directive (EU) 2025/516)")
    return _taxed(case, place, seller_vat_id, facts, rates.charging(place, facts.supplied_on))


def _electricity_case(facts: SupplyFacts, place: str) -> VatCase:
    if place in facts.seller_establishments:
        return VatCase.E1
    if facts.customer_kind is AccountKind.CONSUMER:
        return VatCase.E4
    return VatCase.E2 if place in facts.customer_vat_ids else VatCase.E3


def _subscription(facts: SupplyFacts, rates: VatRates) -> VatDecision | Undecided:
    """Decide F1-F3: the place is the customer's country, under the seller's home number."""
    country, seller_vat_id = facts.customer_country, facts.seller_vat_ids.get(facts.seller_country)
    if country not in rates.member_states:
        return Undecided(f"the customer is in {country}, outside the European Union: case F4 is decided by a person")
    if seller_vat_id is None:
        return Undecided(
            f"the seller has no VAT registration in {facts.seller_country} on {facts.supplied_on}: load it"
        )
    if country in facts.seller_establishments - {facts.seller_country}:
        return Undecided(f"the seller has an establishment in {country}: which one supplies the fee is not decided")
    is_abroad = country != facts.seller_country
    if is_abroad and facts.customer_kind is AccountKind.BUSINESS:
        return _fee_abroad(country, seller_vat_id, facts)
    case = VatCase.F3 if is_abroad else VatCase.F1
    return _taxed(case, country, seller_vat_id, facts, rates.standard(country, facts.supplied_on))


def _fee_abroad(country: str, seller_vat_id: str, facts: SupplyFacts) -> VatDecision | Undecided:
    buyer_vat_id = facts.customer_vat_ids.get(country)
    if buyer_vat_id is None:
        return Undecided(f"the customer is a business in {country} without a VAT id of {country}: load it")
    return _reverse_charge(VatCase.F2, country, seller_vat_id, buyer_vat_id)


def _reverse_charge(case: VatCase, country: str, seller_vat_id: str, buyer_vat_id: str) -> VatDecision:
    return VatDecision(
        case=case,
        country=country,
        category=VatCategory.REVERSE_CHARGE,
        rate_pct=_ZERO,
        seller_vat_id=seller_vat_id,
        buyer_vat_id=buyer_vat_id,
    )


def _taxed(
    case: VatCase, country: str, seller_vat_id: str, facts: SupplyFacts, rate: Decimal | str | None
) -> VatDecision | Undecided:
    if rate is None:
        return Undecided(f"no VAT rate of {country} for {facts.supplied_on} in data/reference/vat_rates_dated.csv")
    if isinstance(rate, str):
        return Undecided(f"{rate} is not known for {facts.supplied_on}: complete data/reference/vat_rates_dated.csv")
    buyer_vat_id = facts.customer_vat_ids.get(country) or facts.customer_vat_ids.get(facts.customer_country)
    return VatDecision(
        case=case,
        country=country,
        category=VatCategory.STANDARD,
        rate_pct=rate,
        seller_vat_id=seller_vat_id,
        buyer_vat_id=buyer_vat_id,
    )
