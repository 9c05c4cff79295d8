"""What a CPO says happened: a claim is a session, or a fault's version of it, on its way to a CDR."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pipelines.sandbox.physics import Charge
from pipelines.sandbox.prices import PriceList
from pipelines.sandbox.sessions import Session


class Fault(StrEnum):
    """The planted faults; the comment names the rule that should find each."""

    WRONG_TOTAL = "wrong_total"  # R21
    WRONG_TARIFF = "wrong_tariff"  # R22
    ENERGY_ABOVE_POWER = "energy_above_power"  # R10
    DUPLICATE_NEW_ID = "duplicate_new_id"  # R03
    UNKNOWN_TOKEN = "unknown_token"  # R19
    NO_AUTHORIZATION = "no_authorization"  # R18
    OVERLAPPING_SESSION = "overlapping_session"  # R15


@dataclass(frozen=True, slots=True)
class Claim:
    """A session with what its CPO makes of it."""

    session: Session
    published_at: int
    charge: Charge
    """the energy and times claimed"""
    prices: PriceList
    """the price list billed by"""
    total_factor: Decimal | None = None
    """what a wrong total is multiplied by"""
    is_authorized: bool = True
    is_copy: bool = False
    fault: Fault | None = None

    @classmethod
    def honest(cls, session: Session) -> Claim:
        """Give the claim of an honest CPO."""
        return cls(session, session.published_at, session.charge, session.prices)
