"""The audit prices each claim by the policy that its CPO's agreement names, and says on every row which that was."""

from decimal import Decimal

import pytest

from models.rating.audit import TariffTables, audit, policies_of
from models.rating.policy import DEFAULT_POLICY, PolicyError, TariffPrecedence
from models.schemas.registry import Layer


def price_of(name, price):
    row = {"tariff_version_id": name, "dimension": "ENERGY", "unit_price": Decimal(price), "vat_rate_pct": Decimal(19)}
    return {"element_index": 0, "component_index": 0, "step_size": 0, "days_of_week_mask": 0} | row


def audited(world):
    tariffs = TariffTables(
        world.frame(Layer.TYPED, "tariff_versions", world.versions),
        world.frame(Layer.TYPED, "tariff_components", [price_of("v1", "0.60"), price_of("v2", "0.79")]),
        world.frame(Layer.TYPED, "connectors", world.connectors),
    )
    cdrs = world.frame(Layer.TYPED, "cdrs", world.cdrs)
    periods = world.frame(Layer.TYPED, "charging_periods", world.periods)
    return audit(cdrs, periods, tariffs, world.frame(Layer.MASTER, "agreements", world.agreements))


@pytest.fixture
def two_cpos(world):
    """One CPO whose agreement lets the CDR's own tariff come first, and one without agreement; 5 kWh each."""
    world.version("v2", price="0.79", source="cdr")
    world.agreement(cpo_id="NL*VLT", rating_policy="tariff_precedence=cdr_first")
    world.cdr("C2", tariff_version_ids=["v2"])
    world.cdr("C1", tariff_version_ids=["v2"], cpo_id="NL*VLT")
    return world


def test_each_claim_is_priced_by_the_policy_of_its_cpo(two_cpos):
    rows = audited(two_cpos).cdrs.select("cdr_key", "tariff_version_id", "total_excl_vat").rows()
    assert rows == [("DE*LDW*C1", "v2", Decimal("3.95")), ("DE*LDW*C2", "v1", Decimal("3.00"))]


def test_a_credit_is_priced_negative_as_its_cpo_claims_it(world):
    world.cdr(tariff_version_ids=["v1"], is_credit=True, credit_reference_id="C0")
    assert audited(world).cdrs["total_excl_vat"].to_list() == [Decimal("-3.00")]


def test_every_row_says_its_policy(two_cpos):
    found = audited(two_cpos)
    choice = DEFAULT_POLICY.choosing({"tariff_precedence": "cdr_first"})
    assert found.cdrs["policy"].to_list() == [str(choice), str(DEFAULT_POLICY)]
    assert found.components["policy"].to_list() == [str(choice), str(DEFAULT_POLICY)]


def test_a_cpo_without_choices_has_the_defaults(world):
    agreements = world.frame(Layer.MASTER, "agreements", world.agreements)
    assert policies_of(agreements) == {"DE*LDW": DEFAULT_POLICY}


@pytest.mark.parametrize("choices", ["hour_snapping", "colour=red", "hour_snapping=days"])
def test_a_choice_that_does_not_exist_is_refused(world, choices):
    world.agreement(rating_policy=choices)
    with pytest.raises(PolicyError):
        policies_of(world.frame(Layer.MASTER, "agreements", world.agreements))


def test_nothing_in_gives_nothing_out(world):
    assert audited(world).cdrs.is_empty()
    assert audited(world).components.is_empty()


def test_the_default_keeps_to_what_was_published():
    assert DEFAULT_POLICY.tariff_precedence is TariffPrecedence.PUBLISHED_FIRST
