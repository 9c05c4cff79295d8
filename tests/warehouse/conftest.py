"""A lake small enough to check by hand: one closed month with a consumer, two fleets, four operators and a dispute.

Most tables of the registry are left out on purpose: a young home has no disputes and no November.
"""

import functools
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.settings import Settings
from pipelines.lib.warehouse import build_and_publish

OCTOBER, NOVEMBER = BillingMonth(2026, 10), BillingMonth(2026, 11)
AS_OF = datetime(2026, 11, 5, 6, tzinfo=UTC)
DAY = date(2026, 10, 31)

PERSONAL_VALUES = [
    "Klara Sommerfeld", "Alpenlogistik GmbH", "Polder Logistiek B.V.", "Jonas Reiter",
    "klara@example.org", "Lindenweg 7", "Rebenhang 3", "DE02120300000000202051",
    "04A1B2C3D4E5F6", "04FFEEDDCCBBAA", "DE-NST-C00000011-1", "DE-NST-C00000022-2", "DE-NST-C00000033-3",
    "B-KS 2026", "M-AL 417", "NL-88-PLD", "ACC-KLARA", "ACC-ALPEN", "ACC-POLDER", "DRV-REITER", "VEH-417",
    "METER-90017", "DE*SWM*EHOME1", "HOME-REITER", "home-reiter", "HOME-EVSE-UID", "NL123456789B01",
]  # fmt: skip
"""Every value of the lake below that names a person, their car, card, home or contract."""


def fill(layer, name, rows):
    """Give a frame that fits the contract; a column that no row names is null, or empty where it is a list."""
    schema = table(layer, name).schema
    filled = [{c: row.get(c, [] if isinstance(t, pl.List) else None) for c, t in schema.items()} for row in rows]
    return pl.DataFrame(filled, schema=schema)


ACCOUNT = {
    "street": "Lindenweg 7", "postal_code": "10115", "city": "Berlin", "email": "klara@example.org", "language": "de",
    "currency": "EUR", "is_reseller": False, "payment_terms_days": 14, "legal_entity_id": "NST",
    "valid_from": date(2025, 1, 1),
}  # fmt: skip


def agreement(cpo, name, country, currency):
    return {
        "cpo_id": cpo, "name": name, "country": country, "currency": currency, "tolerance_amount": Decimal("0.01"),
        "tolerance_pct": Decimal(0), "dispute_deadline_days": 30, "language": "en", "valid_from": date(2025, 1, 1),
    }  # fmt: skip


def contract(contract_id, account, plan, **more):
    return {"contract_id": contract_id, "account_id": account, "plan_id": plan, "valid_from": date(2025, 1, 1), **more}


def plan(plan_id, *, gross, fee):
    return {
        "plan_id": plan_id, "name": plan_id.title(), "is_gross_price_list": gross, "monthly_fee": Decimal(fee),
        "fee_basis": "contract", "currency": "EUR", "valid_from": date(2025, 1, 1),
    }  # fmt: skip


def rate(day, eur_per_unit):
    return {
        "rate_date": day, "currency": "DKK", "units_per_eur": Decimal("7.46"), "eur_per_unit": Decimal(eur_per_unit),
        "source": "ECB",
    }  # fmt: skip


CDR_IDS = ("DE*LDW*C1", "DK*STR*C2", "DE*LDW*C3", "DE*LDW*C4", "DE*SWM*C5", "NL*VLT*C6", "DE*LDW*C7")


def cdr(key, country, kwh, cost, currency="EUR", **more):
    cpo, _, cdr_id = key.rpartition("*")
    position = CDR_IDS.index(key) if key in CDR_IDS else 90
    return {
        "cdr_key": key, "cpo_id": cpo, "cdr_id": cdr_id, "token_uid": "04A1B2C3D4E5F6", "token_type": "RFID",
        "contract_id": "DE-NST-C00000011-1", "location_id": "LOC1", "charge_country": country,
        "evse_uid": "EVSE-UID-1", "evse_id": f"{cpo}*E1", "connector_id": "1",
        "started_at": datetime(2026, 10, 12, 8, tzinfo=UTC), "ended_at": datetime(2026, 10, 12, 9, tzinfo=UTC),
        "time_zone": "Europe/Berlin", "currency": currency, "total_energy_kwh": Decimal(kwh),
        "total_hours": Decimal(1), "total_cost_excl_vat": Decimal(cost), "is_credit": False,
        "is_home_charging": False, "has_unordered_periods": False,
        "has_unknown_dimensions": False, "last_updated_at": AS_OF, "billing_month": OCTOBER.first_day,
        "connection_id": "ldw", "ocpi_version": "2.2.1", "received_at": datetime(2026, 11, 1, tzinfo=UTC),
        "page_sha256": "p" * 64, "page_position": position, "content_sha256": f"{position:064d}", **more,
    }  # fmt: skip


FLEET_CARD = {"token_uid": "04FFEEDDCCBBAA", "contract_id": "DE-NST-C00000022-2"}
CDRS = [
    cdr("DE*LDW*C1", "DE", 10, "4.00"),
    cdr("DK*STR*C2", "DK", 20, "60.00", "DKK", **FLEET_CARD),
    cdr("DE*LDW*C3", "DE", 10, "4.10", **FLEET_CARD),
    cdr("DE*LDW*C4", "DE", 10, "99.99", **FLEET_CARD),
    cdr(
        "DE*SWM*C5", "DE", 12, "0", **FLEET_CARD, is_home_charging=True, session_id="S-DE*SWM*EHOME1",
        location_id="HOME-REITER", evse_uid="HOME-EVSE-UID", evse_id="DE*SWM*EHOME1",
    ),
    cdr("NL*VLT*C6", "NL", 20, "6.00", contract_id="DE-NST-C00000033-3"),
    cdr("DE*LDW*C7", "DE", 1, "0.50"),
]  # fmt: skip
LATE_CDR = cdr("DE*LDW*C9", "DE", 5, "2.00", billing_month=NOVEMBER.first_day, received_at=AS_OF)


def verdict(row, word="accept", rules=()):
    return {
        "cdr_key": row["cdr_key"], "cpo_id": row["cpo_id"], "verdict": word, "rule_ids": list(rules),
        "currency": row["currency"], "claimed_excl_vat": row["total_cost_excl_vat"],
        "billing_month": row["billing_month"],
    }  # fmt: skip


def charge(charge_id, account, plan_id, net, case, country, rate_pct, **more):
    return {
        "charge_id": charge_id, "kind": "session", "outcome": "billable", "legal_entity_id": "NST",
        "account_id": account, "plan_id": plan_id, "cdr_key": charge_id[2:], "supply_kind": "electricity",
        "supplied_on": date(2026, 10, 12), "place_country": country, "currency": "EUR", "current_type": "AC",
        "is_gross_price_list": False, "precise_amount": Decimal(net), "net_amount": Decimal(net), "vat_case": case,
        "vat_country": country, "vat_category": "AE" if case in {"E2", "F2"} else "S",
        "vat_rate_pct": Decimal(rate_pct), "seller_vat_id": f"{country}999", "billing_month": OCTOBER.first_day,
        **more,
    }  # fmt: skip


ALPEN = {"contract_id": "DE-NST-C00000022-2", "vehicle_id": "VEH-417", "driver_id": "DRV-REITER", "cost_centre": "4711"}
GROSS = {"is_gross_price_list": True, "contract_id": "DE-NST-C00000011-1"}
CHARGES = [
    charge(
        "S:DE*LDW*C1", "ACC-KLARA", "flex", "4.98", "E1", "DE", 19,
        energy_kwh=Decimal(10), gross_amount=Decimal("5.93"), **GROSS,
    ),
    charge(
        "S:DE*LDW*C7", "ACC-KLARA", "flex", "0.78", "E1", "DE", 19,
        energy_kwh=Decimal(1), gross_amount=Decimal("0.93"), **GROSS,
    ),
    charge(
        "S:DK*STR*C2", "ACC-ALPEN", "fleet", "11.35", "E3", "DK", 25,
        energy_kwh=Decimal(20), **{**ALPEN, "current_type": "DC"},
    ),
    charge("S:DE*LDW*C3", "ACC-ALPEN", "fleet", "4.10", "E1", "DE", 19, energy_kwh=Decimal(10), **ALPEN),
    charge(
        "F:DE-NST-C00000022-2:2026-10", "ACC-ALPEN", "fleet", "3.90", "F1", "DE", 19,
        **{**ALPEN, "kind": "subscription", "supply_kind": "subscription", "cdr_key": None, "current_type": None},
    ),
    charge(
        "S:NL*VLT*C6", "ACC-POLDER", "fleet", "8.20", "E2", "NL", 0,
        energy_kwh=Decimal(20), buyer_vat_id="NL123456789B01", contract_id="DE-NST-C00000033-3",
    ),
]  # fmt: skip
LATE_CHARGE = charge(
    "S:DE*LDW*C9", "ACC-KLARA", "flex", "2.48", "E1", "DE", 19,
    energy_kwh=Decimal(5), gross_amount=Decimal("2.95"), **{**GROSS, "billing_month": NOVEMBER.first_day},
)  # fmt: skip


def document(kind, number, account, total, **more):
    series, _, sequence = number.rpartition("-")
    return {
        "document_id": number.lower(), "kind": kind, "series": series, "sequence": int(sequence),
        "document_number": number, "legal_entity_id": "NST", "account_id": account,
        "billing_month": OCTOBER.first_day, "issued_on": date(2026, 11, 5), "currency": "EUR",
        "total": Decimal(total), "content_sha256": "c" * 64, **more,
    }  # fmt: skip


def invoice(number, account, net, vat, rounding, total, bill):
    country = number.split("-")[1]
    return document(
        "invoice", number, account, total, net_total=Decimal(net), vat_total=Decimal(vat),
        rounding_amount=Decimal(rounding) if rounding else None, parent_document_id=bill.lower(),
        seller_vat_id=f"{country}999",
    )  # fmt: skip


DOCUMENTS = [
    invoice("INV-DE-2026-000001", "ACC-KLARA", "5.76", "1.09", "0.01", "6.86", "BILL-2026-000001"),
    invoice("INV-DE-2026-000002", "ACC-ALPEN", "8.00", "1.52", None, "9.52", "BILL-2026-000002"),
    invoice("INV-DK-2026-000001", "ACC-ALPEN", "11.35", "2.84", None, "14.19", "BILL-2026-000002"),
    invoice("INV-NL-2026-000001", "ACC-POLDER", "8.20", "0.00", None, "8.20", "BILL-2026-000003"),
    document("monthly_bill", "BILL-2026-000001", "ACC-KLARA", "6.86", payment_reference="RF18KLARA"),
    document("monthly_bill", "BILL-2026-000002", "ACC-ALPEN", "23.71", payment_reference="RF18ALPEN"),
    document("monthly_bill", "BILL-2026-000003", "ACC-POLDER", "8.20", payment_reference="RF18POLDER"),
    document("reimbursement_statement", "REIMB-2026-000001", "ACC-ALPEN", "4.08", driver_id="DRV-REITER"),
]
BILLED_ON = {
    "inv-de-2026-000001": (0, 1),
    "inv-dk-2026-000001": (2,),
    "inv-de-2026-000002": (3, 4),
    "inv-nl-2026-000001": (5,),
}


def lines():
    copied = ("charge_id", "cdr_key", "net_amount", "gross_amount", "vat_country", "vat_category", "vat_rate_pct")
    of_invoices = [
        {"document_id": name, "line_number": n, "currency": "EUR", **{c: CHARGES[i].get(c) for c in copied}}
        for name, indices in BILLED_ON.items()
        for n, i in enumerate(indices, start=1)
    ]
    of_statement = {
        "document_id": "reimb-2026-000001", "line_number": 1, "cdr_key": "DE*SWM*C5", "gross_amount": Decimal("4.08"),
        "currency": "EUR",
    }  # fmt: skip
    return [*of_invoices, of_statement]


def vat(document_id, country, category, rate_pct, base, amount):
    return {
        "document_id": document_id, "vat_country": country, "vat_category": category,
        "vat_rate_pct": Decimal(rate_pct), "taxable_amount": Decimal(base), "vat_amount": Decimal(amount),
        "currency": "EUR",
    }  # fmt: skip


VAT = [
    vat("inv-de-2026-000001", "DE", "S", 19, "5.76", "1.09"),
    vat("inv-de-2026-000002", "DE", "S", 19, "8.00", "1.52"),
    vat("inv-dk-2026-000001", "DK", "S", 25, "11.35", "2.84"),
    vat("inv-nl-2026-000001", "NL", "AE", 0, "8.20", "0.00"),
]


def dispute_event(index, kind, **more):
    return {
        "case_id": "DE*LDW*C4", "event_index": index, "cdr_key": "DE*LDW*C4", "cpo_id": "DE*LDW", "kind": kind,
        "rule_ids": "R21", "reason": "card 04FFEEDDCCBBAA: 99.99 claimed, 4.10 by the tariff",
        "amount_at_stake": Decimal("95.89"), "currency": "EUR", "actor": "roamledger", "happened_at": AS_OF,
        "billing_month": OCTOBER.first_day, **more,
    }  # fmt: skip


def record(position, outcome, **more):
    return {
        "connection_id": "ldw", "module": "cdrs", "ocpi_version": "2.2.1", "pull_id": "p1", "page_sha256": "p" * 64,
        "page_position": position, "outcome": outcome, "received_at": datetime(2026, 11, 1, tzinfo=UTC), **more,
    }  # fmt: skip


RECORDS = [
    *(record(position, "typed") for position in range(8)),
    record(8, "quarantined", rule="missing_field", record_json='{"uid": "04FFEEDDCCBBAA"}'),
    record(9, "duplicate", rule="same_content"),
]
CONNECTOR = {
    "cpo_id": "DE*SWM", "connector_id": "1", "country": "DE", "location_name": "Lindenweg 7", "city": "Berlin",
    "address": "Lindenweg 7", "latitude": Decimal("52.5"), "longitude": Decimal("13.4"),
    "last_updated_at": AS_OF, "received_at": AS_OF,
    "connection_id": "swm", "ocpi_version": "2.1.1", "page_sha256": "c" * 64, "page_position": 7,
}  # fmt: skip


def use(position, place, **more):
    """Give what a session and an authorization have in common: whose card, where, and the record that said so."""
    return {
        "token_uid": "04FFEEDDCCBBAA", "contract_id": "DE-NST-C00000022-2", "cpo_id": "DE*SWM",
        "last_updated_at": AS_OF, "received_at": AS_OF, "billing_month": OCTOBER.first_day, "connection_id": "swm",
        "ocpi_version": "2.2.1", "page_sha256": "a" * 64, "page_position": position, **place, **more,
    }  # fmt: skip


HOME = {"location_id": "home-reiter", "evse_uid": "HOME-EVSE-UID"}
PUBLIC = {"location_id": "LOC1", "evse_uid": "EVSE-UID-1"}
SESSION = {"started_at": AS_OF, "energy_kwh": Decimal(12), "status": "COMPLETED", "connector_id": "1"}
SESSIONS = [
    use(0, HOME, session_key="DE*SWM*S-DE*SWM*EHOME1", session_id="S-DE*SWM*EHOME1", **SESSION),
    use(1, PUBLIC, session_key="DE*SWM*S2", session_id="S2", **SESSION),
]
AUTHORIZATIONS = [
    use(2, HOME, authorization_id="A1", result="ALLOWED", authorized_at=AS_OF),
    use(3, PUBLIC, authorization_id="A2", result="BLOCKED", authorized_at=AS_OF),
    use(4, {}, authorization_id="A3", result="ALLOWED", authorized_at=AS_OF),
]


def tables():
    """Give the rows of every table that this home has, by layer and name."""
    return {
        (Layer.MASTER, "accounts"): [
            {"account_id": "ACC-KLARA", "kind": "consumer", "name": "Klara Sommerfeld", "country": "DE", **ACCOUNT},
            {"account_id": "ACC-ALPEN", "kind": "business", "name": "Alpenlogistik GmbH", "country": "DE", **ACCOUNT},
            {
                "account_id": "ACC-POLDER", "kind": "business", "name": "Polder Logistiek B.V.", "country": "NL",
                **ACCOUNT,
            },
        ],
        (Layer.MASTER, "plans"): [plan("flex", gross=True, fee=0), plan("fleet", gross=False, fee="3.90")],
        (Layer.MASTER, "contracts"): [
            contract("DE-NST-C00000011-1", "ACC-KLARA", "flex"),
            contract(
                "DE-NST-C00000022-2", "ACC-ALPEN", "fleet",
                driver_id="DRV-REITER", vehicle_id="VEH-417", cost_centre="4711",
            ),
            contract("DE-NST-C00000033-3", "ACC-POLDER", "fleet"),
        ],
        (Layer.MASTER, "drivers"): [
            {
                "driver_id": "DRV-REITER", "account_id": "ACC-ALPEN", "name": "Jonas Reiter", "street": "Rebenhang 3",
                "postal_code": "80331", "city": "München", "country": "DE", "iban": "DE02120300000000202051",
            }
        ],
        (Layer.MASTER, "vehicles"): [
            {
                "vehicle_id": "VEH-417", "account_id": "ACC-ALPEN", "plate": "M-AL 417", "model": "eTransit",
                "battery_kwh": Decimal(68),
            }
        ],
        (Layer.MASTER, "home_chargers"): [
            {
                "evse_id": "DE*SWM*EHOME1", "driver_id": "DRV-REITER", "meter_id": "METER-90017",
                "basis": "reference_flat", "currency": "EUR", "valid_from": date(2025, 1, 1),
            }
        ],
        (Layer.MASTER, "agreements"): [
            agreement("DE*LDW", "Ladewerk Nord", "DE", "EUR"),
            agreement("DK*STR", "Stroemvej", "DK", "DKK"),
            agreement("NL*VLT", "Voltlaad", "NL", "EUR"),
        ],
        (Layer.MASTER, "fx_rates"): [
            rate(date(2026, 9, 30), "0.130000000"),
            rate(date(2026, 10, 30), "0.134000000"),
            rate(date(2026, 11, 20), "0.139000000"),
        ],
        (Layer.TYPED, "connectors"): [
            {
                **CONNECTOR, "connector_key": "DE*SWM*HOME-REITER*HOME-EVSE-UID*1", "location_id": "HOME-REITER",
                "evse_uid": "HOME-EVSE-UID", "evse_id": "DE*SWM*EHOME1",
            }
        ],
        (Layer.TYPED, "records"): RECORDS,
        (Layer.TYPED, "cdrs"): [*CDRS, LATE_CDR],
        (Layer.TYPED, "sessions"): SESSIONS,
        (Layer.TYPED, "authorizations"): AUTHORIZATIONS,
        (Layer.MATCHED, "verdicts"): [
            *(verdict(row) for row in CDRS if row["cdr_key"] != "DE*LDW*C4"),
            verdict(CDRS[3], "hold", ["R21"]),
            verdict(LATE_CDR),
        ],
        (Layer.MATCHED, "findings"): [
            {
                "cdr_key": "DE*LDW*C4", "rule_id": "R21", "rule_name": "wrong_total", "severity": "block",
                "message": "card 04FFEEDDCCBBAA: 99.99 claimed, 4.10 by the tariff",
                "amount_at_stake": Decimal("95.89"), "currency": "EUR", "billing_month": OCTOBER.first_day,
            }
        ],
        (Layer.MATCHED, "token_risks"): [
            {
                "token_uid": "04FFEEDDCCBBAA", "token_type": "RFID", "contract_id": "DE-NST-C00000022-2", "score": 60,
                "signal_ids": ["T02", "T03"], "reasons": ["T02 overlapping sessions: card 04FFEEDDCCBBAA", "T03 x"],
                "not_checked": ["1 of 5 days of history"], "recommended_action": "block", "sessions": 3,
                "authorizations": 4, "energy_kwh": Decimal("41.5"), "last_used_at": AS_OF,
                "billing_month": OCTOBER.first_day,
            },
            {
                "token_uid": "04HONEST", "token_type": "RFID", "score": 0, "recommended_action": "none",
                "signal_ids": [], "reasons": [], "not_checked": [], "sessions": 1, "authorizations": 1,
                "energy_kwh": Decimal(9), "last_used_at": AS_OF, "billing_month": OCTOBER.first_day,
            },
        ],
        (Layer.BILLED, "charges"): [*CHARGES, LATE_CHARGE],
        (Layer.BILLED, "reimbursements"): [
            {
                "cdr_key": "DE*SWM*C5", "outcome": "billable", "account_id": "ACC-ALPEN", "driver_id": "DRV-REITER",
                "contract_id": "DE-NST-C00000022-2", "evse_id": "DE*SWM*EHOME1", "meter_id": "METER-90017",
                "started_at_local": datetime(2026, 10, 12, 20), "ended_at_local": datetime(2026, 10, 12, 23),  # noqa: DTZ001 - a local wall clock
                "energy_kwh": Decimal(12), "basis": "reference_flat", "price_per_kwh": Decimal("0.34"),
                "currency": "EUR", "precise_amount": Decimal("4.08"), "amount": Decimal("4.08"),
                "billing_month": OCTOBER.first_day,
            }
        ],
        (Layer.LEDGER, "documents"): DOCUMENTS,
        (Layer.LEDGER, "document_lines"): lines(),
        (Layer.LEDGER, "document_vat"): VAT,
        (Layer.LEDGER, "closes"): [
            {
                "billing_month": OCTOBER.first_day, "as_of": AS_OF, "closed_at": AS_OF, "inputs_sha256": "a" * 64,
                "outputs_sha256": "b" * 64, "documents": 8,
            }
        ],
        (Layer.LEDGER, "dispute_events"): [
            dispute_event(0, "opened"),
            dispute_event(1, "sent", deadline_on=date(2026, 12, 5)),
        ],
        (Layer.LEDGER, "disputes"): [
            dispute_event(0, "opened")
            | {
                "state": "sent", "is_live": True, "claimed_excl_vat": Decimal("99.00"),
                "payable_excl_vat": Decimal("3.11"), "held_excl_vat": Decimal("95.89"),
                "conceded_excl_vat": Decimal(0), "credited_excl_vat": Decimal(0),
                "owed_excl_vat": Decimal("3.11"), "escalation_level": 1,
                "deadline_on": date(2026, 12, 5), "events": 2, "opened_at": AS_OF, "sent_at": AS_OF,
                "changed_at": AS_OF,
            }
        ],
    }  # fmt: skip


def write_lake(lake, rows_by_table):
    """Write the tables under their contracts, month by month where they are kept so."""
    for (layer, name), rows in rows_by_table.items():
        frame = fill(layer, name, rows)
        if table(layer, name).by_month:
            for (first_day,), part in frame.group_by("billing_month", maintain_order=True):
                lake.write(layer, name, part, BillingMonth(first_day.year, first_day.month))
        else:
            lake.write(layer, name, frame)


def settings_of(home: Path) -> Settings:
    return Settings(home=home, now=AS_OF, connections=())


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """One home, built and published once for the whole session."""
    settings = settings_of(tmp_path_factory.mktemp("home"))
    lake = Lake(settings.lake)
    write_lake(lake, tables())
    return settings, build_and_publish(settings, lake, with_unit_tests=True)


@pytest.fixture(scope="session")
def small_lake():
    """A function that writes the lake into a home, with one more charge of October that no invoice bills."""

    def write(home, *, forgotten_like):
        settings, rows = settings_of(home), tables()
        (like,) = (row for row in CHARGES if row["charge_id"] == forgotten_like)
        again = {**like, "charge_id": "F:forgotten", "kind": "subscription", "cdr_key": None}
        rows[Layer.BILLED, "charges"] = [*CHARGES, LATE_CHARGE, again]
        write_lake(Lake(settings.lake), rows)
        return settings

    return write


@pytest.fixture(scope="session")
def personal_values():
    """Every value of the lake that names a person, their car, card, home or contract."""
    return PERSONAL_VALUES


@pytest.fixture(scope="session")
def ask(published):
    """A function that asks the published finance file and gives rows as dictionaries."""
    return functools.partial(_ask, published[0].warehouse / "warehouse.duckdb")


def _ask(file, sql):
    with duckdb.connect(str(file), read_only=True) as con:
        return con.sql(sql).pl().to_dicts()
