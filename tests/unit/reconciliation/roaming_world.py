"""A small roaming world in which every CDR is clean until a test says otherwise."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl

from models.rating.selection import tariffs_at_start
from models.reconciliation.evidence import Evidence, Surroundings
from models.reconciliation.facts import cdrs_with_facts, meter_facts
from models.reconciliation.matching import match
from models.reconciliation.rules.catalogue import find_all, not_checked
from models.reconciliation.thresholds import limits_of
from models.reconciliation.verdicts import judge
from models.schemas.registry import Layer, table

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
MONTH = date(2026, 10, 1)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

COMPANY = {
    "legal_entity_id": "nst",
    **dict.fromkeys(("name", "street", "postal_code", "city", "registration_number", "email", "phone", "website"), "x"),
    **dict.fromkeys(("iban", "bic", "bank_name"), "x"),
    "country": "DE",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "ocpi_party_id": "DE*NST",
}
"""the eMSP itself, a row of `master/legal_entities`"""


def rows_of(layer, name, rows):
    """Make a frame that fits the contract; columns that a row does not name are null, false or empty."""
    schema = table(layer, name).schema
    blank = {pl.Boolean: False, pl.List: []}
    return pl.DataFrame(
        {column: [row.get(column, blank.get(dtype.base_type())) for row in rows] for column, dtype in schema.items()},
        schema=schema,
    )


class World:
    """Rows of the typed and priced tables, and what matching and rules make of them."""

    def __init__(self):
        self.cdrs, self.neighbours, self.periods, self.prices = [], [], [], []
        self.authorizations, self.tokens, self.connectors = [], [], []
        self.agreements, self.versions, self.sessions = [], [], []
        self.around = {}
        self.token("T1")
        self.connector("L1", latitude=Decimal("52.52"), longitude=Decimal("13.40"))
        self.connector("L2", latitude=Decimal("52.60"), longitude=Decimal("13.60"))
        self.agreement()
        self.version("v1")

    def cdr(self, name="C1", minutes=60, *, authorized=True, price=None, neighbour=False, **fields):
        """Add a clean CDR: 5 kWh for 3.00 EUR in an hour at a 22 kW connector, authorized a minute before."""
        started = fields.pop("started_at", START)
        row = {
            "cdr_key": f"DE*LDW*{name}",
            "cpo_id": "DE*LDW",
            "cdr_id": name,
            "session_id": f"S-{name}",
            "authorization_reference": f"R-{name}",
            "auth_method": "AUTH_REQUEST",
            "token_uid": "T1",
            "token_type": "RFID",
            "location_id": "L1",
            "evse_uid": "E1",
            "connector_id": "1",
            "connector_power_type": "AC_3_PHASE",
            "charge_country": "DE",
            "contract_id": f"DE-NST-{fields.get('token_uid', 'T1').upper()}",
            "started_at": started,
            "ended_at": started + timedelta(minutes=minutes),
            "time_zone": "Europe/Berlin",
            "currency": "EUR",
            "total_energy_kwh": Decimal(5),
            "total_hours": Decimal(minutes) / 60,
            "total_cost_excl_vat": Decimal("3.00"),
            "tariff_version_ids": ["v1"],
            "last_updated_at": started + timedelta(hours=2),
            "received_at": started + timedelta(days=2),
            "billing_month": MONTH,
            "connection_id": "ldw",
            "ocpi_version": "2.2.1",
            "page_sha256": "0",
            "page_position": 0,
            "content_sha256": "0",
            **fields,
        }
        (self.neighbours if neighbour else self.cdrs).append(row)
        self.periods.append(
            {
                "cdr_key": row["cdr_key"],
                "period_index": 0,
                "started_at": started,
                "energy_kwh": row["total_energy_kwh"],
                "charging_hours": row["total_hours"],
                "billing_month": MONTH,
            }
        )
        if authorized:
            self.authorization(
                f"A-{name}",
                authorization_reference=f"R-{name}",
                token_uid=row["token_uid"],
                authorized_at=row["started_at"] - timedelta(minutes=1),
                location_id=row["location_id"],
            )
        claimed = row["total_cost_excl_vat"]
        self.priced(row["cdr_key"], total_excl_vat=abs(claimed) if price is None else price)
        return row

    def priced(self, key, **fields):
        row = {"cdr_key": key, "outcome": "priced", "currency": "EUR", "policy": "default", "billing_month": MONTH}
        self.prices.append(row | fields)

    def authorization(self, name, **fields):
        row = {
            "authorization_id": name,
            "token_uid": "T1",
            "token_type": "RFID",
            "cpo_id": "DE*LDW",
            "location_id": "L1",
            "result": "ALLOWED",
            "authorized_at": START,
            "last_updated_at": START,
            "billing_month": MONTH,
            "received_at": START,
        }
        self.authorizations.append(row | fields)

    def session(self, name, **fields):
        """Add a finished session of an hour and 5 kWh that no CDR names."""
        row = {
            "session_key": f"DE*LDW*{name}",
            "cpo_id": "DE*LDW",
            "session_id": name,
            "started_at": START,
            "ended_at": START + timedelta(hours=1),
            "energy_kwh": Decimal(5),
            "token_uid": "T1",
            "location_id": "L1",
            "evse_uid": "E1",
            "connector_id": "1",
            "currency": "EUR",
            "status": "COMPLETED",
            "last_updated_at": START,
            "billing_month": MONTH,
            "received_at": START,
        }
        self.sessions.append(row | fields)

    def token(self, uid, **fields):
        row = {"token_uid": uid, "token_type": "RFID", "contract_id": f"DE-NST-{uid}", "is_valid": True}
        dates = {"last_updated_at": LONG_AGO, "received_at": LONG_AGO, "whitelist": "ALLOWED"}
        self.tokens.append(row | dates | fields)

    def connector(self, location, evse="E1", **fields):
        row = {
            "connector_key": f"DE*LDW*{location}*{evse}*1",
            "cpo_id": "DE*LDW",
            "location_id": location,
            "evse_uid": evse,
            "connector_id": "1",
            "max_power_kw": Decimal(22),
            "tariff_ids": ["T-AC"],
            "last_updated_at": LONG_AGO,
            "received_at": LONG_AGO,
        }
        self.connectors.append(row | fields)

    def agreement(self, **fields):
        row = {
            "cpo_id": "DE*LDW",
            "name": "Ladewerk",
            "country": "DE",
            "currency": "EUR",
            "tolerance_amount": Decimal("0.01"),
            "tolerance_pct": Decimal(0),
            "dispute_deadline_days": 60,
            "language": "de",
            "valid_from": date(2023, 1, 1),
        }
        self.agreements = [row | fields]

    def version(self, name, price="0.60", *, valid_from=None, valid_to=None, **fields):
        content = f'{{"tariff_id":"T-AC","valid_from":{valid_from},"valid_to":{valid_to},"elements":{price}}}'
        row = {
            "tariff_version_id": name,
            "tariff_key": "DE*LDW*T-AC",
            "owner_id": "DE*LDW",
            "tariff_id": "T-AC",
            "source": "published",
            "currency": "EUR",
            "tax_included": "NO",
            "valid_from": valid_from,
            "valid_to": valid_to,
            "last_updated_at": LONG_AGO,
            "known_from": LONG_AGO,
            "content_json": content,
        }
        self.versions.append(row | fields)

    def frame(self, layer, name, rows):
        return rows_of(layer, name, rows)

    def limits(self):
        return limits_of(rows_of(Layer.MASTER, "agreements", self.agreements))

    def matches(self, taken=()):
        frame = match(
            rows_of(Layer.TYPED, "cdrs", self.cdrs),
            rows_of(Layer.TYPED, "cdrs", self.neighbours),
            rows_of(Layer.TYPED, "authorizations", self.authorizations),
            pl.Series("taken", list(taken), pl.String),
            rows_of(Layer.TYPED, "sessions", self.sessions),
            self.limits(),
        )
        table(Layer.MATCHED, "matches").contract.validate(frame)
        return frame

    def evidence(self):
        typed = {
            name: rows_of(Layer.TYPED, name, rows)
            for name, rows in (
                ("cdrs", self.cdrs),
                ("charging_periods", self.periods),
                ("connectors", self.connectors),
                ("tokens", self.tokens),
                ("tariff_versions", self.versions),
            )
        }
        neighbours = rows_of(Layer.TYPED, "cdrs", self.neighbours)
        agreements = rows_of(Layer.MASTER, "agreements", self.agreements)
        tariffs = tariffs_at_start(
            typed["cdrs"], typed["charging_periods"], typed["tariff_versions"], typed["connectors"]
        )
        return Evidence(
            cdrs=cdrs_with_facts(typed["cdrs"], neighbours, agreements, typed["connectors"]),
            periods=typed["charging_periods"],
            matches=self.matches(),
            priced=rows_of(Layer.PRICED, "wholesale_cdrs", self.prices),
            tokens=typed["tokens"],
            versions=typed["tariff_versions"],
            tariffs_at_start=tariffs,
            limits=self.limits(),
            around=Surroundings(**{"meters": meter_facts(typed["cdrs"], neighbours)} | self.around),
        )

    def abstained(self):
        """Give the abstentions as {(cdr id, rule id): reason}."""
        frame = not_checked(self.evidence())
        table(Layer.MATCHED, "not_checked").contract.validate(frame)
        rows = frame.select("cdr_key", "rule_id", "reason").iter_rows()
        return {(key.rsplit("*", 1)[-1], rule): reason for key, rule, reason in rows}

    def findings(self):
        frame = find_all(self.evidence())
        table(Layer.MATCHED, "findings").contract.validate(frame)
        return frame

    def found(self):
        """Give the findings as {(cdr id, rule id): severity}."""
        rows = self.findings().select("cdr_key", "rule_id", "severity").iter_rows()
        return {(key.rsplit("*", 1)[-1], rule): severity for key, rule, severity in rows}

    def verdicts(self):
        priced = rows_of(Layer.PRICED, "wholesale_cdrs", self.prices)
        frame = judge(rows_of(Layer.TYPED, "cdrs", self.cdrs), self.findings(), priced)
        table(Layer.MATCHED, "verdicts").contract.validate(frame)
        return frame
