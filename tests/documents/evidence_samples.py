"""An evidence pack with everything in it: travel, a period of unknown energy, power above the connector's, a price."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from models.reconciliation.packs.pack import FORMAT, EvidencePack

RECORD = '{"country_code":"DE","party_id":"LDW","id":"C000017","total_cost":{"excl_vat":14.2500}}'


def sample(**changes: Any) -> EvidencePack:
    """Give the pack; a change names a part and the fields of it that differ."""
    parts: dict[str, Any] = {
        "format": FORMAT,
        "sender": SENDER,
        "recipient": {"cpo_id": "DE*LDW", "name": "Ladewerk Nord GmbH"},
        "case": CASE,
        "claim": CLAIM,
        "received": RECEIVED,
        "authorization": AUTHORIZATION,
        "session": SESSION,
        "tariffs": [TARIFF],
        "recomputation": RECOMPUTATION,
        "findings": FINDINGS,
        "not_checked": [{"rule_id": "R13", "reason": "the CDR carries no meter reading"}],
        "events": EVENTS,
        "power": POWER,
    }
    for name, change in changes.items():
        parts[name] = {**parts[name], **change} if isinstance(change, dict) else change
    return msgspec.convert(parts, EvidencePack)


SENDER = {
    "name": "Nordstern Mobility GmbH",
    "street": "Holzmarktstraße 25",
    "postal_code": "10243",
    "city": "Berlin",
    "country": "DE",
    "email": "roaming@nordstern-mobility.example",
    "phone": "+49 30 5550 1200",
    "website": "nordstern-mobility.example",
    "ocpi_party_id": "DE*NST",
}
CASE = {
    "case_id": "DE*LDW*C000017",
    "verdict": "hold",
    "status": "escalated",
    "is_live": True,
    "rule_ids": ["R16", "R21"],
    "reason": "R16 impossible travel: 154.2 km in 1260 s since CDR DE*LDW*C000011 ended: 441 km/h",
    "amount_at_stake": "14.25",
    "claimed": "14.25",
    "payable": "0",
    "held": "14.25",
    "conceded": "0",
    "opened_at": "2026-11-05T05:00:00Z",
    "deadline_on": "2027-01-04",
    "level": 2,
}
CLAIM = {
    "cdr_key": "DE*LDW*C000017",
    "cpo_id": "DE*LDW",
    "cdr_id": "C000017",
    "session_id": "S000017",
    "authorization_reference": "NST-5FA1",
    "auth_method": "AUTH_REQUEST",
    "token_uid": "04A1B2C3D4E5",
    "token_type": "RFID",
    "contract_id": "DE-NST-C00000017-4",
    "location_id": "L17",
    "location_name": "Raststätte Hüttener Berge West",
    "location_city": "Owschlag",
    "charge_country": "DE",
    "evse_uid": "E17",
    "evse_id": "DE*LDW*E10417*1",
    "connector_id": "1",
    "connector_power_type": "AC_3_PHASE",
    "started_at": "2026-10-10T12:21:00Z",
    "ended_at": "2026-10-10T13:21:00Z",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "total_energy_kwh": "23.750000000",
    "total_hours": "1.000000000",
    "total_parking_hours": None,
    "is_credit": False,
    "credit_reference_id": None,
    "last_updated_at": "2026-10-10T14:00:00Z",
    "notes": [],
}
RECEIVED = {
    "connection_id": "ldw",
    "ocpi_version": "2.2.1",
    "received_at": "2026-11-05T04:00:00Z",
    "page_sha256": "b58d3fa6" * 8,
    "page_position": 34,
    "record_sha256": hashlib.sha256(RECORD.encode()).hexdigest(),
    "record_bytes": len(RECORD),
    "record": RECORD,
}
AUTHORIZATION = {
    "match_kind": "by_reference",
    "reason": None,
    "authorization_id": "A00000017",
    "authorization_reference": "NST-5FA1",
    "authorized_at": "2026-10-10T12:20:14Z",
    "result": "ALLOWED",
    "location_id": "L17",
    "evse_uid": "E17",
    "seconds_from_authorization": 46,
}
SESSION = {
    "session_match_kind": "none",
    "session_reason": "session S000017 was never received, or is that of another CDR",
}
TARIFF = {
    "tariff_version_id": "6df0895836dad7ee",
    "tariff_key": "DE*LDW*T-AC",
    "tariff_id": "T-AC",
    "source": "published",
    "currency": "EUR",
    "tax_included": "NO",
    "valid_from": None,
    "valid_to": None,
    "last_updated_at": "2026-02-12T22:00:00Z",
    "known_from": "2026-03-01T04:00:00Z",
    "min_price_excl_vat": None,
    "max_price_excl_vat": None,
    "is_published_at_start": True,
    "is_carried": False,
    "prices_session": True,
    "prices": [
        {
            "element_index": 0,
            "component_index": 0,
            "dimension": "ENERGY",
            "unit_price": "0.570000000",
            "vat_rate_pct": "19",
            "step_size": 1,
            "applies": "from 06:00 to 22:00",
            "steps": "",
        },
        {
            "element_index": 1,
            "component_index": 0,
            "dimension": "FLAT",
            "unit_price": "0.350000000",
            "vat_rate_pct": None,
            "step_size": 1,
            "applies": "",
            "steps": "",
        },
    ],
}


def _part(name: str, claimed: str | None, recomputed: str | None, difference: str | None) -> dict[str, Any]:
    return {
        "part": name,
        "claimed_excl_vat": claimed,
        "claimed_incl_vat": None,
        "recomputed_excl_vat": recomputed,
        "recomputed_incl_vat": None,
        "difference_excl_vat": difference,
    }


def _row(index: int, period: int | None, dimension: str, volume: str | None, price: str, amount: str) -> dict[str, Any]:
    return {
        "row_index": index,
        "kind": "volume" if volume else "flat",
        "period_index": period,
        "dimension": dimension,
        "is_reservation": False,
        "tariff_version_id": "6df0895836dad7ee",
        "element_index": 0 if volume else 1,
        "component_index": 0,
        "volume": volume,
        "billed_volume": volume or "1",
        "unit_price": price,
        "vat_rate_pct": "19",
        "amount_excl_vat": amount,
        "amount_incl_vat": None,
    }


RECOMPUTATION = {
    "outcome": "priced",
    "reason": None,
    "claimed_excl_vat": "14.250000000",
    "recomputed_excl_vat": "13.89",
    "difference_excl_vat": "0.36",
    "price_low_excl_vat": None,
    "price_high_excl_vat": None,
    "policy": "step_base=all_volume",
    "notes": ["unpriced_volume"],
    "sub_totals": [
        _part("energy", "14.250000000", "13.537500000000", "0.71"),
        _part("time", "0", "0", "0"),
        _part("fixed", None, "0.350000000000", None),
        _part("total", "14.250000000", "13.887500000000", "0.36"),
    ],
    "rows": [
        _row(0, 0, "ENERGY", "17.250000000", "0.57", "9.832500000000"),
        _row(1, 2, "ENERGY", "6.500000000", "0.57", "3.705000000000"),
        _row(2, None, "FLAT", None, "0.35", "0.350000000000"),
    ],
}


def finding(rule_id: str, name: str, severity: str, message: str, **facts: Any) -> dict[str, Any]:
    """Give a finding; what is not named is unknown."""
    unknown = dict.fromkeys(
        (
            *("expected", "found", "measured", "permitted", "unit", "distance_km", "seconds_between", "other"),
            *(f"{part}_difference" for part in ("energy", "time", "parking", "fixed", "reservation")),
        )
    )
    given = {"rule_id": rule_id, "rule_name": name, "severity": severity, "message": message, "currency": "EUR"}
    rest = {"rule": "What the rule says.", "causes": [], "amount_at_stake": None, "thresholds": []}
    return unknown | rest | given | facts


FINDINGS = [
    finding(
        "R16",
        "impossible travel",
        "block",
        "154.2 km in 1260 s since CDR DE*LDW*C000011 ended: 441 km/h",
        expected="at most 130 km/h",
        found="441 km/h",
        measured="441",
        permitted="130",
        unit="km/h",
        distance_km="154.212",
        seconds_between=1260,
        amount_at_stake="14.25",
        thresholds=[
            {
                "name": "travel_kmh",
                "value": "130",
                "unit": "km/h",
                "meaning": "faster than anyone drives",
                "is_agreed": True,
            }
        ],
        other={
            "is_at_recipient": True,
            "started_at": "2026-10-10T10:40:00Z",
            "ended_at": "2026-10-10T12:00:00Z",
            "cdr_key": "DE*LDW*C000011",
            "location_name": "Marktplatz Morgenthal",
            "location_city": "Morgenthal",
            "evse_id": "DE*LDW*E00233*2",
            "total_energy_kwh": "8.5",
        },
    ),
    finding(
        "R21",
        "price difference",
        "block",
        "claims 14.25 EUR excl. VAT, recomputed 13.89 EUR: a difference of 0.36 EUR (step_ignored)",
        expected="13.89 EUR",
        found="14.25 EUR",
        measured="14.25",
        permitted="13.89",
        unit="EUR",
        causes=["step_ignored", "other_tariff 747573c0a21ebcfe", "step_base=all_volume"],
        amount_at_stake="0.36",
    ),
    finding("R34", "country, party and currency do not go together", "info", "DE*LDW charges in DK"),
]
EVENTS = [
    {
        "event_index": 0,
        "kind": "opened",
        "happened_at": "2026-11-05T05:00:00Z",
        "is_by_person": False,
        "reason": CASE["reason"],
        "amount": "14.25",
        "deadline_on": "2027-01-04",
        "related_cdr_key": None,
    },
    {
        "event_index": 1,
        "kind": "escalated",
        "happened_at": "2026-11-20T09:30:00Z",
        "is_by_person": True,
        "reason": "no answer from operations",
        "amount": None,
        "deadline_on": None,
        "related_cdr_key": None,
    },
]
POWER = {
    "limit_kw": "22",
    "average_kw": "23.75",
    "steps": [
        {
            "started_at": "2026-10-10T12:21:00Z",
            "ended_at": "2026-10-10T12:51:00Z",
            "energy_kwh": "17.25",
            "average_kw": "34.5",
        },
        {
            "started_at": "2026-10-10T12:51:00Z",
            "ended_at": "2026-10-10T13:01:00Z",
            "energy_kwh": None,
            "average_kw": None,
        },
        {
            "started_at": "2026-10-10T13:01:00Z",
            "ended_at": "2026-10-10T13:21:00Z",
            "energy_kwh": "6.5",
            "average_kw": "19.5",
        },
    ],
}
