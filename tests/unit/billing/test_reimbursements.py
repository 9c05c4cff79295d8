"""Home charging: kWh times the agreed or published price, by the session's own date."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.billing.charges import Books
from models.billing.records import HomeCharger
from models.billing.reimbursements import HomePrice, home_price, reimbursements
from models.schemas.registry import Layer, table
from models.types.vocabularies import ReimbursementBasis
from pipelines.lib.reference_data import home_rates, vat_rates
from tests.unit.billing.billing_world import cdr_row, frame, master, verdict_row


def home_cdr(number, contract_id, evse_id, **more):
    return cdr_row(number, contract_id, is_home_charging=True, evse_id=evse_id, **more)


def refunded(*cdrs):
    verdicts = frame(Layer.MATCHED, "verdicts", [verdict_row(number) for number in range(1, len(cdrs) + 1)])
    rows = reimbursements(frame(Layer.TYPED, "cdrs", list(cdrs)), verdicts, Books(master(), vat_rates()), home_rates())
    table(Layer.BILLED, "reimbursements").contract.validate(rows, lazy=True)
    return rows.to_dicts()


def test_the_flat_value_in_germany_and_the_agreed_price_in_the_netherlands():
    german, dutch = refunded(
        home_cdr(1, "DE-NST-ALPEN1", "DE*SWM*HOME1", total_energy_kwh=Decimal("12.345")),
        home_cdr(2, "DE-NST-POLDER1", "NL*SWM*HOME2", total_energy_kwh=Decimal("12.345")),
    )
    assert (german["price_per_kwh"], german["amount"]) == (Decimal("0.34"), Decimal("4.20"))  # 4.1973
    assert german["legal_reference"] == "DE 2026 0.34 EUR/kWh"
    assert (dutch["price_per_kwh"], dutch["amount"]) == (Decimal("0.271"), Decimal("3.35"))  # 3.345495
    assert (dutch["account_id"], dutch["driver_id"], dutch["meter_id"]) == ("POLDER", "D2", "M2")
    assert {german["outcome"], dutch["outcome"]} == {"billable"}


@pytest.mark.parametrize(
    ("cdr", "words"),
    [
        (home_cdr(1, "DE-NST-ALPEN1", "DE*SWM*UNKNOWN"), "no agreement for home charger DE*SWM*UNKNOWN"),
        (home_cdr(1, "DE-NST-POLDER1", "DE*SWM*HOME1"), "belongs to driver D1, contract DE-NST-POLDER1 does not"),
        (home_cdr(1, "DE-NST-ALPEN1", "DE*SWM*HOME1", time_zone=None), "time zone"),
        (
            home_cdr(
                1,
                "DE-NST-ALPEN1",
                "DE*SWM*HOME1",
                started_at=datetime(2027, 1, 5, 6, tzinfo=UTC),
                ended_at=datetime(2027, 1, 5, 7, tzinfo=UTC),
            ),
            "no flat value of a kWh charged at home in DE on 2027-01-05",
        ),
    ],
)
def test_what_is_unknown_is_not_paid(cdr, words):
    (row,) = refunded(cdr)
    assert (row["outcome"], row["amount"]) == ("review", None)
    assert words in row["review_reason"]


def charger(basis: ReimbursementBasis, price: str | None) -> HomeCharger:
    return HomeCharger(
        evse_id="E",
        driver_id="D",
        meter_id="M",
        basis=basis,
        contract_price_per_kwh=Decimal(price) if price else None,
        currency="EUR",
        valid_from=date(2024, 1, 1),
        valid_to=None,
    )


def test_a_legal_maximum_caps_the_agreed_price():
    dear, cheap = (charger(ReimbursementBasis.CONTRACT_PRICE, price) for price in ("0.40", "0.30"))
    on = date(2026, 10, 21)
    assert home_price(dear, "AT", on, home_rates()) == HomePrice(Decimal("0.32806"), "AT 2026 0.32806 EUR/kWh")
    assert home_price(cheap, "AT", on, home_rates()) == HomePrice(Decimal("0.30"), "AT 2026 0.32806 EUR/kWh")


def test_an_unknown_maximum_is_not_no_maximum():
    agreed = charger(ReimbursementBasis.CONTRACT_PRICE, "0.30")
    for country, on in (("BE", date(2026, 10, 21)), ("BE", date(2026, 5, 1)), ("AT", date(2027, 1, 1))):
        reason = home_price(agreed, country, on, home_rates())
        assert isinstance(reason, str)
        assert "legal maximum" in reason


def test_a_contract_price_that_is_missing_is_named():
    assert "has none" in str(
        home_price(charger(ReimbursementBasis.CONTRACT_PRICE, None), "NL", date(2026, 1, 1), home_rates())
    )
