"""A home with a card of ours, and peers on real sockets."""

from datetime import UTC, datetime

import pytest

from models.schemas.registry import Layer
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from tests.unit.reconciliation.roaming_world import rows_of
from tests.unit.token_risk.little_receiver import TOKEN

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
CARD = {
    "token_uid": "04a1b2",
    "token_type": "RFID",
    "contract_id": "DE-NST-C1",
    "issuer": "Nordstern",
    "group_id": "G1",
    "is_valid": True,
    "whitelist": "ALLOWED",
    "last_updated_at": datetime(2026, 1, 1, tzinfo=UTC),
    "received_at": datetime(2026, 1, 1, tzinfo=UTC),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a way to make the settings of a home whose peers are given; its clock stands at NOW."""
    monkeypatch.setenv("ROAMLEDGER_TOKEN_RECEIVER", TOKEN)
    lake = Lake(str(tmp_path / "lake"))
    company = dict.fromkeys(("name", "street", "postal_code", "city", "registration_number", "email", "phone"), "x")
    company |= dict.fromkeys(("website", "iban", "bic", "bank_name"), "x") | {"country": "DE", "currency": "EUR"}
    company |= {"legal_entity_id": "nst", "time_zone": "Europe/Berlin", "ocpi_party_id": "DE*NST"}
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [company]))
    cards = [CARD, CARD | {"token_uid": "TWO"}, CARD | {"token_uid": "TWO", "token_type": "APP_USER"}]
    lake.write(Layer.TYPED, "tokens", rows_of(Layer.TYPED, "tokens", cards))

    def settings(*receivers, **changes):
        return Settings(home=tmp_path, now=NOW, connections=tuple(each.connection() for each in receivers), **changes)

    return settings


@pytest.fixture
def register(tmp_path):
    (tmp_path / "register").mkdir(exist_ok=True)
    return Register(f"sqlite:///{tmp_path}/register/register.sqlite")
