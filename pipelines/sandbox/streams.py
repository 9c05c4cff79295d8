"""Random streams, one per concern, so that a new use of chance in one place moves nothing in another."""

from random import Random


def stream(seed: int, concern: str) -> Random:
    """Give the generator of one concern of the world with this seed."""
    return Random(f"{seed}/{concern}")
