"""Worlds are built once: they are values, and no test changes them."""

import pytest

from models.types.time import BillingMonth
from pipelines.sandbox.world import World, build_world

OCTOBER = BillingMonth(2026, 10)


@pytest.fixture(scope="session")
def world() -> World:
    """The world of the demo."""
    return build_world(42, 3600, OCTOBER)


@pytest.fixture(scope="session")
def small_world() -> World:
    """The smallest world that has every fault, with records that no intake may accept."""
    return build_world(7, 300, OCTOBER, rubbish=True)
