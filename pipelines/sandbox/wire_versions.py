"""The world in each OCPI version: what 2.2.1 says, told in the words of 2.1.1 and 2.3.0, and the modules they add."""

from __future__ import annotations

from pipelines.sandbox.wire import Modules, wire_modules
from pipelines.sandbox.world import World


def modules_in(version: str, world: World) -> Modules:
    """Give all objects of a version by connection and module, oldest first."""
    del version
    return wire_modules(world)
