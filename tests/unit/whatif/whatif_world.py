"""A month of a small company for what-if tests: six sessions of 10 kWh, what was charged for them, and their cost."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from models.ocpi.frames import tariff_frames, tariff_version_id
from models.ocpi.reading import parse_tariff
from models.rating.policy import DEFAULT_POLICY
from models.schemas.registry import Layer
from models.types.vocabularies import TariffSource
from pipelines.lib.lake import Lake
from tests.unit.billing.billing_world import (
    OCTOBER,
    cdr_row,
    fee_charge,
    frame,
    session_charge,
    verdict_row,
    write_master,
)

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def component(kind, price, step=1, **more):
    return {"type": kind, "price": Decimal(price), "step_size": step, **more}


def tariff(owner, name, *elements, currency="EUR", **more):
    """An OCPI Tariff object; an element is its components, or a pair of components and restrictions."""
    country, party = owner.split("*")
    known = [
        {"price_components": each[0], "restrictions": each[1]}
        if isinstance(each, tuple)
        else {"price_components": each}
        for each in elements
    ]
    return {
        "country_code": country,
        "party_id": party,
        "id": name,
        "currency": currency,
        "elements": known,
        "last_updated": "2024-01-01T00:00:00Z",
        **more,
    }


PUBLISHED = tariff("XX*CPO", "T1", [component("ENERGY", "0.30", vat=Decimal(19))])
PLANS = [
    tariff(
        "DE*NST",
        "flex-ac",
        [component("ENERGY", "0.59")],
        ([component("PARKING_TIME", "3.00", 60)], {"min_duration": 14400}),
        tax_included="YES",
    ),
    tariff("DE*NST", "plus-ac", [component("ENERGY", "0.45")], tax_included="YES"),
    tariff("DE*NST", "fleet-ac", [component("ENERGY", "0.41")], tax_included="NO"),
]


def write_tariffs(lake, published, plans=PLANS):
    """Write the tables of tariffs; give the version ids of the published ones."""
    own = [parse_tariff(each, "2.2.1") for each in published]
    lists = [parse_tariff(each, "2.3.0") for each in plans]
    known = [(each, TariffSource.PUBLISHED, LONG_AGO) for each in own] + [
        (each, TariffSource.PLAN, LONG_AGO) for each in lists
    ]
    versions, components = tariff_frames(known)
    lake.write(Layer.TYPED, "tariff_versions", versions)
    lake.write(Layer.TYPED, "tariff_components", components)
    return [tariff_version_id(each) for each in own]


def write_month(folder):
    """Write October: 1 ANNA on flex, 2 ALPEN and 3 POLDER on fleet, 4 held, 5 in review, 6 charged in kroner."""
    lake = Lake(str(folder))
    write_master(lake)
    (version,) = write_tariffs(lake, [PUBLISHED])
    contracts = ("ANNA", "ALPEN1", "POLDER1", "ANNA", "BRAM", "BRAM")
    cdrs = [
        cdr_row(number, f"DE-NST-{contract}", "NL" if contract == "POLDER1" else "DE", tariff_version_ids=[version])
        for number, contract in enumerate(contracts, start=1)
    ]
    lake.write(Layer.TYPED, "cdrs", frame(Layer.TYPED, "cdrs", cdrs), OCTOBER)
    periods = [_period(row) for row in cdrs]
    lake.write(Layer.TYPED, "charging_periods", frame(Layer.TYPED, "charging_periods", periods), OCTOBER)
    verdicts = [verdict_row(number, "hold" if number == 4 else "accept") for number in range(1, 7)]
    lake.write(Layer.MATCHED, "verdicts", frame(Layer.MATCHED, "verdicts", verdicts), OCTOBER)
    wholesale = [_wholesale(row) for row in cdrs]
    lake.write(Layer.PRICED, "wholesale_cdrs", frame(Layer.PRICED, "wholesale_cdrs", wholesale), OCTOBER)
    lake.write(Layer.BILLED, "charges", frame(Layer.BILLED, "charges", _charges()), OCTOBER)
    return lake


def _period(cdr):
    return {
        "cdr_key": cdr["cdr_key"],
        "period_index": 0,
        "started_at": cdr["started_at"],
        "energy_kwh": Decimal(10),
        "charging_hours": Decimal("1.5"),
        "tariff_id": "t1",
        "billing_month": OCTOBER.first_day,
    }


def _wholesale(cdr):
    return {
        "cdr_key": cdr["cdr_key"],
        "outcome": "priced",
        "currency": "EUR",
        "total_excl_vat": Decimal("3.00"),
        "total_incl_vat": Decimal("3.57"),
        "notes": [],
        "policy": str(DEFAULT_POLICY),
        "billing_month": OCTOBER.first_day,
    }


def _charges():
    billable = [
        session_charge(1, "ANNA", "DE", "5.90"),
        session_charge(2, "ALPEN", "DE", "4.10"),
        session_charge(3, "POLDER", "NL", "4.10"),
        session_charge(6, "BRAM", "DE", "33.57", currency="DKK"),
        fee_charge("ALPEN", "3.90"),
    ]
    review = session_charge(5, "BRAM", "DE", "4.50", outcome="review", review_reason="somebody must look")
    return [msgspec.to_builtins(each, builtin_types=(Decimal, datetime)) | _days(each) for each in [*billable, review]]


def _days(charge):
    return {"supplied_on": charge.supplied_on, "billing_month": charge.billing_month}
