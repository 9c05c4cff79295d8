"""Tokens and what was done with them: honest until a test says otherwise."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from models.reconciliation.token_risk.activity import NO_BLOCKS, Activity
from models.reconciliation.token_risk.scoring import token_risks, token_signals
from models.reconciliation.token_risk.thresholds import RISK_DEFAULTS
from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import rows_of

MONTH, BEFORE = date(2026, 10, 1), date(2026, 9, 1)
NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = {
    "BERLIN": ("52.5200", "13.4050"),
    "MITTE": ("52.5240", "13.4050"),
    "POTSDAM": ("52.3906", "13.0645"),
    "HAMBURG": ("53.5511", "9.9937"),
    "PUTTGARDEN": ("54.5030", "11.2260"),
    "RODBY": ("54.6560", "11.3530"),
    "NOWHERE": (None, None),
}
"""MITTE is 445 m from BERLIN; POTSDAM 27 km, HAMBURG 255 km"""


class RiskWorld:
    """Rows of the tables that token risk reads."""

    def __init__(self):
        self.cdrs, self.authorizations, self.sessions, self.tokens, self.contracts = [], [], [], [], []
        self.connectors = [
            {
                "connector_key": f"DE*LDW*{name}*E1*1",
                "cpo_id": "DE*LDW",
                "location_id": name,
                "latitude": latitude and Decimal(latitude),
                "longitude": longitude and Decimal(longitude),
            }
            for name, (latitude, longitude) in PLACES.items()
        ]
        self.token("T1")

    def token(self, uid, **fields):
        """Add a valid card with a contract and an account of its own."""
        row = {"token_uid": uid, "token_type": "RFID", "contract_id": f"DE-NST-{uid}", "is_valid": True}
        self.tokens.append(row | {"last_updated_at": LONG_AGO, "received_at": LONG_AGO} | fields)
        if not any(each["contract_id"] == f"DE-NST-{uid}" for each in self.contracts):
            self.contract(f"DE-NST-{uid}", f"A-{uid}")

    def contract(self, contract_id, account_id, **fields):
        row = {"contract_id": contract_id, "account_id": account_id, "plan_id": "P", "valid_from": date(2025, 1, 1)}
        self.contracts.append(row | fields)

    def charge(self, at=NOON, uid="T1", place="BERLIN", minutes=60, *, kwh="20", eur="10.00", **fields):
        """Add a CDR of an hour and 20 kWh for 10.00 EUR."""
        name = f"C{len(self.cdrs) + 1}"
        self.cdrs.append(
            {
                "cdr_key": f"DE*LDW*{name}",
                "cpo_id": "DE*LDW",
                "cdr_id": name,
                "session_id": f"S{name}",
                "token_uid": uid,
                "token_type": "RFID",
                "location_id": place,
                "evse_uid": f"E-{name}",
                "started_at": at,
                "ended_at": at + timedelta(minutes=minutes),
                "currency": "EUR",
                "total_energy_kwh": Decimal(kwh),
                "total_cost_excl_vat": Decimal(eur),
                "last_updated_at": at + timedelta(days=1),
                "received_at": at + timedelta(days=1),
                "billing_month": at.date().replace(day=1),
            }
            | fields
        )
        return f"DE*LDW*{name}"

    def ask(self, at=NOON, uid="T1", place="BERLIN", **fields):
        """Add an authorization."""
        name = f"Q{len(self.authorizations) + 1}"
        row = {"authorization_id": name, "token_uid": uid, "token_type": "RFID", "cpo_id": "DE*LDW"}
        row |= {"location_id": place, "evse_uid": "E1", "result": "ALLOWED", "authorized_at": at}
        self.authorizations.append(row | {"billing_month": at.date().replace(day=1)} | fields)
        return name

    def run(self, at=NOON, uid="T1", place="BERLIN", minutes=60, **fields):
        """Add a session that no CDR tells."""
        name = f"R{len(self.sessions) + 1}"
        row = {"session_key": f"DE*LDW*{name}", "cpo_id": "DE*LDW", "session_id": name, "token_uid": uid}
        row |= {"started_at": at, "ended_at": at + timedelta(minutes=minutes), "energy_kwh": Decimal(10)}
        row |= {"location_id": place, "evse_uid": name, "status": "COMPLETED", "last_updated_at": at}
        self.sessions.append(row | {"billing_month": at.date().replace(day=1)} | fields)

    def activity(self, limits=RISK_DEFAULTS, blocks=NO_BLOCKS, **more):
        return Activity(
            month=MONTH,
            cdrs=rows_of(Layer.TYPED, "cdrs", self.cdrs),
            sessions_open=rows_of(Layer.TYPED, "sessions", self.sessions),
            authorized=rows_of(Layer.TYPED, "authorizations", self.authorizations),
            connectors=rows_of(Layer.TYPED, "connectors", self.connectors),
            tokens=rows_of(Layer.TYPED, "tokens", self.tokens),
            contracts=rows_of(Layer.MASTER, "contracts", self.contracts),
            limits=limits,
            blocks=blocks,
            **more,
        )

    def signals(self, **more):
        """Give the signals found, by token and id."""
        found = token_signals(self.activity(**more))
        return {(row["token_uid"], row["signal_id"]): row for row in found.iter_rows(named=True)}

    def risks(self, **more):
        """Give the risk of each token."""
        activity = self.activity(**more)
        frame = token_risks(activity, token_signals(activity))
        return {row["token_uid"]: row for row in frame.iter_rows(named=True)}
