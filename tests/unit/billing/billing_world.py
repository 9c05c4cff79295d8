"""A small world for billing tests: one company, four customers, and rows with every column that a contract asks for."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from models.billing.amounts import billed, net_of_gross
from models.billing.issue import Issue
from models.billing.records import Charge, MasterData, Reimbursement, master_data
from models.billing.vat import VatDecision, decide
from models.billing.vat_facts import Supply, supply_facts
from models.rating.policy import DEFAULT_POLICY
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeOutcome, ReimbursementBasis, SupplyKind
from pipelines.lib.lake import Lake
from pipelines.lib.reference_data import vat_rates

OCTOBER = BillingMonth(2026, 10)
NOVEMBER_5 = datetime(2026, 11, 5, 5, 0, tzinfo=UTC)
CONSUMERS = frozenset({"ANNA", "BRAM"})
LONG_AGO = date(2024, 1, 1)
BERLIN = ZoneInfo("Europe/Berlin")


def frame(layer: Layer, name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = table(layer, name).schema
    return pl.DataFrame([{key: row.get(key) for key in schema} for row in rows], schema=schema, orient="row")


def _address(name: str, country: str, city: str) -> dict[str, Any]:
    return {"name": name, "street": "Ringstr. 1", "postal_code": "10115", "city": city, "country": country}


def _account(account_id: str, kind: str, country: str, language: str, **more: Any) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "kind": kind,
        **_address(f"Customer {account_id}", country, "Town"),
        "email": f"{account_id.lower()}@example.org",
        "language": language,
        "currency": "EUR",
        "is_reseller": False,
        "payment_terms_days": 14,
        "legal_entity_id": "NST",
        "valid_from": LONG_AGO,
        **more,
    }


def _contract(contract_id: str, account_id: str, plan_id: str, **more: Any) -> dict[str, Any]:
    return {
        "contract_id": contract_id,
        "account_id": account_id,
        "plan_id": plan_id,
        "valid_from": LONG_AGO,
        **more,
    }


MASTER_ROWS: dict[str, list[dict[str, Any]]] = {
    "legal_entities": [
        {
            "legal_entity_id": "NST",
            **_address("Nordstern Mobility GmbH", "DE", "Berlin"),
            "registration_number": "HRB 1 B",
            "email": "billing@example.org",
            "phone": "+49 30 1",
            "website": "example.org",
            "iban": "DE89370400440532013000",
            "bic": "COBADEFFXXX",
            "bank_name": "Bank",
            "currency": "EUR",
            "time_zone": "Europe/Berlin",
            "ocpi_party_id": "DE*NST",
        }
    ],
    "vat_registrations": [
        {
            "legal_entity_id": "NST",
            "country": country,
            "vat_id": f"{country}SELLER",
            "is_establishment": country == "DE",
            "valid_from": LONG_AGO,
        }
        for country in ("DE", "NL", "BE", "FR", "DK")
    ],
    "accounts": [
        _account("ANNA", "consumer", "DE", "de"),
        _account("BRAM", "consumer", "NL", "nl"),
        _account("ALPEN", "business", "DE", "de", payment_terms_days=30),
        _account("POLDER", "business", "NL", "nl", payment_terms_days=30),
    ],
    "account_vat_ids": [
        {"account_id": account, "country": country, "vat_id": f"{country}{account}", "valid_from": LONG_AGO}
        for account, country in (("ALPEN", "DE"), ("POLDER", "NL"), ("POLDER", "BE"))
    ],
    "plans": [
        {
            "plan_id": plan_id,
            "name": plan_id.title(),
            "is_gross_price_list": is_gross,
            "monthly_fee": Decimal(fee),
            "fee_basis": "contract",
            "currency": "EUR",
            "valid_from": LONG_AGO,
        }
        for plan_id, is_gross, fee in (("flex", True, "0.00"), ("plus", True, "7.99"), ("fleet", False, "3.90"))
    ],
    "plan_tariffs": [
        {"plan_id": plan, "current_type": current, "tariff_id": f"{plan}-{current.lower()}"}
        for plan in ("flex", "plus", "fleet")
        for current in ("AC", "DC")
    ],
    "contracts": [
        _contract("DE-NST-ANNA", "ANNA", "flex"),
        _contract("DE-NST-BRAM", "BRAM", "plus"),
        _contract("DE-NST-ALPEN1", "ALPEN", "fleet", driver_id="D1", vehicle_id="V1", cost_centre="North"),
        _contract("DE-NST-POLDER1", "POLDER", "fleet", driver_id="D2", vehicle_id="V2", cost_centre="Zuid"),
    ],
    "drivers": [
        {
            "driver_id": "D1",
            "account_id": "ALPEN",
            **_address("Dora Eins", "DE", "Bonn"),
            "iban": "DE89370400440532013000",
        },
        {
            "driver_id": "D2",
            "account_id": "POLDER",
            **_address("Dirk Twee", "NL", "Breda"),
            "iban": "NL91ABNA0417164300",
        },
    ],
    "vehicles": [
        {"vehicle_id": "V1", "account_id": "ALPEN", "plate": "B-AL 1", "model": "Van E", "battery_kwh": Decimal(77)},
        {
            "vehicle_id": "V2",
            "account_id": "POLDER",
            "plate": "X-001-Z",
            "model": "Van E",
            "battery_kwh": Decimal(77),
        },
    ],
    "home_chargers": [
        {
            "evse_id": "DE*SWM*HOME1",
            "driver_id": "D1",
            "meter_id": "M1",
            "basis": "reference_flat",
            "currency": "EUR",
            "valid_from": LONG_AGO,
        },
        {
            "evse_id": "NL*SWM*HOME2",
            "driver_id": "D2",
            "meter_id": "M2",
            "basis": "contract_price",
            "contract_price_per_kwh": Decimal("0.271"),
            "currency": "EUR",
            "valid_from": LONG_AGO,
        },
    ],
    "agreements": [],
    "fx_rates": [
        {
            "rate_date": day,
            "currency": "DKK",
            "units_per_eur": units,
            "eur_per_unit": Decimal("0.134"),
            "source": "ECB",
        }
        for day, units in ((date(2026, 10, 2), Decimal("7.4600")), (date(2026, 10, 20), Decimal("7.4641")))
    ],
}


def master_tables(**changed: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    rows = MASTER_ROWS | changed
    return {name: frame(Layer.MASTER, name, found) for name, found in rows.items()}


def master(**changed: list[dict[str, Any]]) -> MasterData:
    return master_data(master_tables(**changed))


def session_charge(
    number: int,
    account_id: str,
    place: str,
    precise: str,
    *,
    on: date = date(2026, 10, 21),
    energy: str = "10",
    current_type: str = "AC",
    **more: Any,
) -> Charge:
    """A billable session charge, with VAT as `decide` gives it and amounts rounded as they must be."""
    decision = _decided(Supply("NST", account_id, SupplyKind.ELECTRICITY, on, place))
    cdr_key = f"XX*CPO*{number:06d}"
    return _charge(
        decision,
        precise,
        account_id,
        charge_id=f"S:{cdr_key}",
        kind="session",
        cdr_key=cdr_key,
        supply_kind="electricity",
        supplied_on=on,
        started_at_local=datetime(on.year, on.month, on.day, 8, 0),  # noqa: DTZ001 - wall-clock time
        ended_at_local=datetime(on.year, on.month, on.day, 9, 30),  # noqa: DTZ001 - wall-clock time
        duration_hours=Decimal("1.5"),
        place_country=place,
        current_type=current_type,
        energy_kwh=Decimal(energy),
        **more,
    )


def fee_charge(account_id: str, precise: str, **more: Any) -> Charge:
    """A billable monthly fee for October."""
    accounts = {row["account_id"]: row["country"] for row in MASTER_ROWS["accounts"]}
    on = date(2026, 10, 31)
    decision = _decided(Supply("NST", account_id, SupplyKind.SUBSCRIPTION, on, accounts[account_id]))
    return _charge(
        decision,
        precise,
        account_id,
        charge_id=f"F:DE-NST-{account_id}:2026-10",
        kind="subscription",
        supply_kind="subscription",
        supplied_on=on,
        place_country=accounts[account_id],
        **more,
    )


def _decided(supply: Supply) -> VatDecision:
    decision = decide(supply_facts(supply, master()), vat_rates())
    assert isinstance(decision, VatDecision)
    return decision


def _charge(decision: VatDecision, precise: str, account_id: str, **fields: Any) -> Charge:
    is_gross = account_id in CONSUMERS
    amount = billed(Decimal(precise))
    known = {
        "outcome": "billable",
        "legal_entity_id": "NST",
        "currency": "EUR",
        "is_gross_price_list": is_gross,
        "precise_amount": Decimal(precise),
        "net_amount": net_of_gross(amount, decision.rate_pct) if is_gross else amount,
        "gross_amount": amount if is_gross else None,
        "vat_case": decision.case,
        "vat_country": decision.country,
        "vat_category": decision.category,
        "vat_rate_pct": decision.rate_pct,
        "seller_vat_id": decision.seller_vat_id,
        "buyer_vat_id": decision.buyer_vat_id,
        "billing_month": date(2026, 10, 1),
        "account_id": account_id,
        **fields,
    }

    return msgspec.convert({name: known.get(name) for name in Charge.__struct_fields__}, Charge)


def cdr_row(number: int, contract_id: str | None, country: str = "DE", **more: Any) -> dict[str, Any]:
    """A CDR of 90 minutes in the morning of 21 October, 10 kWh AC."""
    return {
        "cdr_key": f"XX*CPO*{number:06d}",
        "cpo_id": "XX*CPO",
        "cdr_id": f"{number:06d}",
        "contract_id": contract_id,
        "charge_country": country,
        "evse_id": f"{country}*CPO*E{number}",
        "connector_power_type": "AC_3_PHASE",
        "started_at": datetime(2026, 10, 21, 6, 0, tzinfo=UTC),
        "ended_at": datetime(2026, 10, 21, 7, 30, tzinfo=UTC),
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "total_energy_kwh": Decimal(10),
        "total_hours": Decimal("1.5"),
        "tariff_version_ids": [],
        "is_credit": False,
        "is_home_charging": False,
        "has_unordered_periods": False,
        "has_unknown_dimensions": False,
        "last_updated_at": datetime(2026, 10, 21, 8, 0, tzinfo=UTC),
        "billing_month": date(2026, 10, 1),
        "notes": [],
        "connection_id": "cpo",
        "ocpi_version": "2.2.1",
        "received_at": datetime(2026, 10, 22, tzinfo=UTC),
        "page_sha256": "0" * 64,
        "page_position": number,
        "content_sha256": f"{number:064d}",
        **more,
    }


def verdict_row(number: int, verdict: str = "accept") -> dict[str, Any]:
    return {
        "cdr_key": f"XX*CPO*{number:06d}",
        "cpo_id": "XX*CPO",
        "verdict": verdict,
        "rule_ids": [],
        "currency": "EUR",
        "billing_month": date(2026, 10, 1),
    }


def retail_row(number: int, amount: str, *, is_gross: bool, **more: Any) -> dict[str, Any]:
    return {
        "cdr_key": f"XX*CPO*{number:06d}",
        "outcome": "priced",
        "tariff_version_id": "0123456789abcdef",
        "currency": "EUR",
        "tax_included": "YES" if is_gross else "NO",
        "total_incl_vat" if is_gross else "total_excl_vat": Decimal(amount),
        "notes": [],
        "policy": "default",
        "billing_month": date(2026, 10, 1),
        **more,
    }


def component_row(
    number: int, index: int, dimension: str, volume: str, price: str, *, is_gross: bool
) -> dict[str, Any]:
    return {
        "cdr_key": f"XX*CPO*{number:06d}",
        "row_index": index,
        "kind": "volume",
        "period_index": 0,
        "dimension": dimension,
        "is_reservation": False,
        "tariff_version_id": "0123456789abcdef",
        "element_index": 0,
        "component_index": 0,
        "volume": Decimal(volume),
        "billed_volume": Decimal(volume),
        "unit_price": Decimal(price),
        "amount_incl_vat" if is_gross else "amount_excl_vat": Decimal(volume) * Decimal(price),
        "policy": str(DEFAULT_POLICY),
        "billing_month": date(2026, 10, 1),
    }


def write_master(lake: Lake, **changed: list[dict[str, Any]]) -> None:
    for name, rows in master_tables(**changed).items():
        lake.write(Layer.MASTER, name, rows)


def issue(**changed: list[dict[str, Any]]) -> Issue:
    return Issue(
        month=OCTOBER, issued_on=date(2026, 11, 5), master=master(**changed), rates=vat_rates(), price_lines={}
    )


def reimbursement(number: int, driver_id: str, energy: str, amount: str, price: str, basis: str) -> Reimbursement:
    """A billable session at home in the evening of 20 October."""
    account_id, contract_id = {"D1": ("ALPEN", "DE-NST-ALPEN1"), "D2": ("POLDER", "DE-NST-POLDER1")}[driver_id]
    return Reimbursement(
        cdr_key=f"DE*SWM*{number:06d}",
        outcome=ChargeOutcome.BILLABLE,
        review_reason=None,
        account_id=account_id,
        driver_id=driver_id,
        contract_id=contract_id,
        evse_id="DE*SWM*HOME1",
        meter_id="M1",
        started_at_local=datetime(2026, 10, 20, 18, 0),  # noqa: DTZ001 - wall-clock time
        ended_at_local=datetime(2026, 10, 20, 23, 0),  # noqa: DTZ001 - wall-clock time
        energy_kwh=Decimal(energy),
        basis=ReimbursementBasis(basis),
        price_per_kwh=Decimal(price),
        legal_reference="DE 2026 0.34 EUR/kWh",
        currency="EUR",
        precise_amount=Decimal(energy) * Decimal(price),
        amount=Decimal(amount),
        billing_month=date(2026, 10, 1),
    )
