import pytest

from tests.unit.reconciliation.roaming_world import World


@pytest.fixture
def world():
    """Give a small roaming world in which every CDR is clean until a test says otherwise."""
    return World()
