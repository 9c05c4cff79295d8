"""The VAT decision table, row by row, on the facts that each row names."""

from datetime import date
from decimal import Decimal

import pytest

from models.billing.vat import SupplyFacts, Undecided, VatDecision, decide, legal_note
from models.types.vocabularies import AccountKind, SupplyKind, VatCase, VatCategory
from pipelines.lib.reference_data import vat_rates

OCTOBER_21 = date(2026, 10, 21)
SELLER = {"DE": "DE1", "NL": "NL1", "FR": "FR1", "DK": "DK1", "IE": "IE1", "GR": "EL1", "ES": "ES1"}


def facts(
    kind: SupplyKind = SupplyKind.ELECTRICITY,
    place: str | None = "DE",
    customer: AccountKind = AccountKind.CONSUMER,
    home: str = "DE",
    ids: dict[str, str] | None = None,
    on: date = OCTOBER_21,
    *,
    is_reseller: bool = False,
    establishments: frozenset[str] = frozenset({"DE"}),
) -> SupplyFacts:
    return SupplyFacts(
        supply_kind=kind,
        supplied_on=on,
        place_country=place,
        seller_country="DE",
        seller_establishments=establishments,
        seller_vat_ids=SELLER,
        customer_kind=customer,
        customer_country=home,
        customer_vat_ids=ids or {},
        is_reseller=is_reseller,
    )


FEE = SupplyKind.SUBSCRIPTION
BUSINESS = AccountKind.BUSINESS
CONSUMER = AccountKind.CONSUMER


@pytest.mark.parametrize(
    ("supply", "expected"),
    [
        pytest.param(facts(), ("E1", "DE", "S", "19", "DE1", None), id="E1 consumer at home"),
        pytest.param(
            facts(customer=BUSINESS, home="NL", ids={"NL": "NL9"}),
            ("E1", "DE", "S", "19", "DE1", "NL9"),
            id="E1 also for a foreign business: the place decides",
        ),
        pytest.param(
            facts(place="NL", customer=BUSINESS, home="NL", ids={"NL": "NL9", "BE": "BE9"}),
            ("E2", "NL", "AE", "0", "NL1", "NL9"),
            id="E2 customer identified in P, although the seller is registered there",
        ),
        pytest.param(
            facts(place="FR", customer=BUSINESS, ids={"DE": "DE9"}),
            ("E3", "FR", "S", "20", "FR1", "DE9"),
            id="E3 foreign fleet without a number of P",
        ),
        pytest.param(facts(place="DK"), ("E4", "DK", "S", "25", "DK1", None), id="E4 consumer abroad"),
        pytest.param(facts(FEE), ("F1", "DE", "S", "19", "DE1", None), id="F1 consumer"),
        pytest.param(
            facts(FEE, customer=BUSINESS, ids={"DE": "DE9"}), ("F1", "DE", "S", "19", "DE1", "DE9"), id="F1 business"
        ),
        pytest.param(
            facts(FEE, customer=BUSINESS, home="NL", ids={"NL": "NL9"}),
            ("F2", "NL", "AE", "0", "DE1", "NL9"),
            id="F2 business in another member state",
        ),
        pytest.param(facts(FEE, home="NL"), ("F3", "NL", "S", "21", "DE1", None), id="F3 consumer abroad, Union OSS"),
    ],
)
def test_each_decided_row_of_the_table(supply, expected):
    decision = decide(supply, vat_rates())
    assert isinstance(decision, VatDecision)
    case, country, category, rate, seller, buyer = expected
    assert (decision.case, decision.country, decision.category) == (case, country, category)
    assert decision.rate_pct == Decimal(rate)
    assert (decision.seller_vat_id, decision.buyer_vat_id) == (seller, buyer)


@pytest.mark.parametrize(
    ("supply", "words"),
    [
        pytest.param(facts(customer=BUSINESS, is_reseller=True), "resells", id="E5 and E6"),
        pytest.param(facts(FEE, customer=BUSINESS, home="CH"), "outside the European Union", id="F4"),
        pytest.param(facts(FEE, home="GB"), "outside the European Union", id="fee of a consumer outside the EU"),
        pytest.param(facts(FEE, customer=BUSINESS, home="NL"), "without a VAT id of NL", id="F2 without a number"),
        pytest.param(facts(place="GB"), "GB is outside", id="G1 and G2"),
        pytest.param(facts(place="CH"), "CH is outside", id="G3 and G4"),
        pytest.param(facts(place="NO"), "NO is outside", id="G5"),
        pytest.param(facts(place=None), "not known", id="unknown country"),
        pytest.param(facts(place="PL"), "no VAT registration in PL", id="not registered in P"),
        pytest.param(facts(ids={"DE": "DE9"}), "correct the account", id="a consumer with a VAT id"),
        pytest.param(facts(on=date(2015, 1, 1)), "no VAT rate of DE", id="no rate on that day"),
        pytest.param(facts(place="ES"), "electricity rate of 10 %", id="ES: end and scope of the rate are not known"),
        pytest.param(
            facts(place="FR", customer=BUSINESS, ids={"DE": "DE9"}, on=date(2028, 7, 1)), "2025/516", id="E3 after 2028"
        ),
    ],
)
def test_what_the_table_leaves_open_waits_for_a_person(supply, words):
    decision = decide(supply, vat_rates())
    assert isinstance(decision, Undecided)
    assert words in decision.reason


@pytest.mark.parametrize(
    ("place", "on", "rate"),
    [
        ("IE", date(2026, 10, 21), "9"),
        ("IE", date(2022, 4, 30), "13.5"),
        ("GR", date(2026, 10, 21), "6"),
        ("ES", date(2026, 3, 21), "21"),
    ],
)
def test_charging_takes_the_electricity_rate_where_that_is_confirmed(place, on, rate):
    decision = decide(facts(place=place, on=on), vat_rates())
    assert isinstance(decision, VatDecision)
    assert decision.rate_pct == Decimal(rate)


def test_a_fee_never_takes_the_electricity_rate():
    decision = decide(facts(FEE, home="IE"), vat_rates())
    assert isinstance(decision, VatDecision)
    assert decision.rate_pct == Decimal(23)


def test_the_rate_is_that_of_the_supply_date():
    seller = {"DE": "DE1", "EE": "EE1"}
    rates = {}
    for on in (date(2025, 6, 30), date(2025, 7, 1)):
        supply = facts(place="EE", on=on)
        decision = decide(SupplyFacts(**{**_fields(supply), "seller_vat_ids": seller}), vat_rates())
        assert isinstance(decision, VatDecision)
        rates[on] = decision.rate_pct
    assert rates == {date(2025, 6, 30): Decimal(22), date(2025, 7, 1): Decimal(24)}


def test_the_category_of_intra_community_supplies_does_not_exist():
    assert {str(category) for category in VatCategory} == {"S", "AE"}


def test_a_reverse_charge_says_so_in_english_and_in_the_words_of_the_taxing_state():
    assert legal_note(VatCase.E2, "NL", vat_rates()) == "Reverse charge - Btw verlegd (Art. 195 Directive 2006/112/EC)"
    assert legal_note(VatCase.F2, "IE", vat_rates()) == "Reverse charge (Art. 44, 196 Directive 2006/112/EC)"
    assert legal_note(VatCase.E3, "FR", vat_rates()) is None


def _fields(supply: SupplyFacts) -> dict[str, object]:
    return {name: getattr(supply, name) for name in SupplyFacts.__slots__}
