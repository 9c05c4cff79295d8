"""What leaves the CPOs and what the eMSP's platform logged: the records that the servers serve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from models.ocpi.canonical import Cdr
from models.types.identifiers import object_key
from pipelines.sandbox.billing import bill
from pipelines.sandbox.claims import Claim
from pipelines.sandbox.clock import DAY, HOUR
from pipelines.sandbox.people import Token
from pipelines.sandbox.places import Evse, Network
from pipelines.sandbox.sessions import Diary, Session


@dataclass(frozen=True, slots=True)
class Authorization:
    """One answer of the eMSP to a CPO's question; seconds are UTC."""

    authorization_id: str
    reference: str
    token: Token
    evse: Evse
    allowed: str
    at: int
    cdr_key: str | None
    """of the CDR that came of it, if any"""


@dataclass(frozen=True, slots=True)
class PublishedCdr:
    """A CDR on the wire, with the claim behind it."""

    claim: Claim
    cdr: Cdr

    @property
    def cdr_key(self) -> str:
        """The key under which the pipeline knows it."""
        country_code, party = self.cdr.owner_id.split("*")
        return object_key(country_code, party, self.cdr.cdr_id)


def publish(claims: Iterable[Claim]) -> list[PublishedCdr]:
    """Number the claims of each party in the order in which they appear, and bill them."""
    counts: dict[str, int] = {}
    sessions: dict[tuple[str, int], str] = {}
    found: list[PublishedCdr] = []
    for claim in sorted(claims, key=lambda each: (each.published_at, each.session.started, each.session.token.uid)):
        party = claim.session.evse.location.party
        number = counts[party.party_id] = counts.get(party.party_id, 0) + 1
        suffix = "R" if claim.is_copy else ""
        plug = (claim.session.evse.uid, claim.session.started)
        session_id = sessions.setdefault(plug, f"{party.short_id}-S{number:07d}") + suffix
        cdr_id = f"{party.short_id}-C{number:07d}"
        found.append(PublishedCdr(claim, bill(claim, cdr_id, session_id, _echoed(claim))))
    return found


def reference_of(session: Session) -> str:
    """Give the authorization_reference that the eMSP gave for a session."""
    return f"NST-{session.authorized_at:X}-{session.token.uid[-6:]}"


def _echoed(claim: Claim) -> str | None:
    """Give the reference that the CDR repeats; a card accepted from the whitelist was never given one."""
    party = claim.session.evse.location.party
    knows = claim.is_authorized and claim.session.auth_method != "WHITELIST"
    return reference_of(claim.session) if knows and party.echoes_references else None


def authorizations(cdrs: Iterable[PublishedCdr], fruitless: Iterable[Authorization]) -> tuple[Authorization, ...]:
    """Give the eMSP's log in order of time: one row per authorized session, and those that came to nothing."""
    rows = [
        Authorization(
            "",
            reference_of(session),
            session.token,
            session.evse,
            "ALLOWED",
            session.authorized_at,
            published.cdr_key,
        )
        for published in cdrs
        if published.claim.is_authorized and not published.claim.is_copy
        for session in (published.claim.session,)
    ]
    ordered = sorted([*rows, *fruitless], key=lambda row: (row.at, row.reference))
    return tuple(
        Authorization(f"A{n:08d}", row.reference, row.token, row.evse, row.allowed, row.at, row.cdr_key)
        for n, row in enumerate(ordered, start=1)
    )


def fruitless_authorizations(
    sessions: list[Session], network: Network, diary: Diary, random: Random, span: tuple[int, int]
) -> list[Authorization]:
    """Give cards that were held to a reader without a session following: the driver is half a day from any session."""
    found: list[Authorization] = []
    for _ in range(len(sessions) // 30):
        session = random.choice(sessions)
        at = random.randrange(span[0] + DAY, span[1] - DAY)
        stays = diary.stays.get(session.token.contract_id, [])
        is_near = any(stay.started < at + 12 * HOUR and stay.ended > at - 12 * HOUR for stay in stays)
        if not is_near:
            allowed = random.choice(("ALLOWED", "ALLOWED", "NO_CREDIT", "NOT_ALLOWED"))
            reference = f"NST-{at:X}-{session.token.uid[-6:]}"
            evse = random.choice(network.evses)
            found.append(Authorization("", reference, session.token, evse, allowed, at, None))
    return found
