import pytest

from pipelines.lib.register import Register
from tests.unit.reconciliation.roaming_world import World


@pytest.fixture
def world():
    """Give a small roaming world in which every CDR is clean until a test says otherwise."""
    return World()


@pytest.fixture
def register(tmp_path):
    return Register(f"sqlite:///{tmp_path}/register.sqlite")
