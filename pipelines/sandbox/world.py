"""The world: one value that holds the network, its people, everything published, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.types.time import BillingMonth
from pipelines.sandbox.claims import Claim
from pipelines.sandbox.clock import DAY, HOUR, month_bounds
from pipelines.sandbox.exhibits.plan import Exhibits, build_exhibits
from pipelines.sandbox.faults import Planter, faults_of_each_kind
from pipelines.sandbox.people import People, build_people
from pipelines.sandbox.places import City, Evse, Network, build_cities, build_public_evses
from pipelines.sandbox.pricelists import build_prices
from pipelines.sandbox.published import (
    Authorization,
    PublishedCdr,
    authorizations,
    fruitless_authorizations,
    publish,
)
from pipelines.sandbox.rubbish import Rubbish, build_rubbish
from pipelines.sandbox.sessions import Days, Diary, Planner, Session, with_late_ones
from pipelines.sandbox.streams import stream
from pipelines.sandbox.truth import Truth, tell_truth

_OPEN_BEFORE = 200 * DAY
_PUBLISHED_WITHIN = 3 * DAY
"""CDRs that are not late appear before the 4th of the next month"""


@dataclass(frozen=True)
class World:
    """Two months of a roaming network; the second one is `month`."""

    seed: int
    month: BillingMonth
    opened_at: int
    """when locations, tokens and most tariffs were last updated, in seconds"""
    network: Network
    people: People
    cdrs: tuple[PublishedCdr, ...]
    """in the order in which they appeared"""
    authorizations: tuple[Authorization, ...]
    rubbish: tuple[Rubbish, ...]
    truth: Truth
    exhibits: Exhibits = field(default_factory=Exhibits)
    """planted faults of every reconciliation rule, none unless asked for"""


def build_world(
    seed: int, sessions: int, month: BillingMonth, *, rubbish: bool = False, exhibits: Mapping[str, int] | None = None
) -> World:
    """Build the world of a seed: a pure function, the same bytes on every machine.

    Args:
        seed: of all chance.
        sessions: real ones over the two months; planted faults add some CDRs to them.
        month: the second of the two months.
        rubbish: add records that no intake may accept, each with a row in `truth.rejects`.
        exhibits: how many planted faults of each reconciliation rule to add, see `exhibits.plan.ALL_RULES`.
    """
    first, _ = month_bounds(month.previous)
    opened_at = first - _OPEN_BEFORE
    network, people = _still_life(seed, sessions, month, opened_at)
    planner = Planner(
        network, people, month, stream(seed, "sessions"), Days(network.cities, stream(seed, "days")), Diary()
    )
    happened = with_late_ones(planner.plan(sessions), month, stream(seed, "late"))
    cdrs = tuple(publish(_claims(seed, network, planner.diary, happened, month)))
    fruitless = fruitless_authorizations(happened, network, planner.diary, stream(seed, "fruitless"), _span(month))
    log = authorizations(cdrs, fruitless)
    refuse = build_rubbish(cdrs) if rubbish else ()
    truth = tell_truth(month, people, cdrs, log, tuple(each.truth for each in refuse))
    planted = build_exhibits(exhibits or {}, stream(seed, "exhibits"), month) if exhibits else Exhibits()
    return World(seed, month, opened_at, network, people, cdrs, log, refuse, truth, planted)


def _still_life(seed: int, sessions: int, month: BillingMonth, opened_at: int) -> tuple[Network, People]:
    """Build what stands still: places, prices, people; wallboxes at drivers' homes belong to the network."""
    cities, (first, _) = build_cities(), month_bounds(month.previous)
    prices = build_prices(opened_at, changed_at=first + 14 * DAY + 4 * HOUR)
    evses = build_public_evses(cities, prices, stream(seed, "places"), sessions, opened_at)
    people = build_people(cities, stream(seed, "people"), sessions, month, opened_at)
    return Network(cities, (*evses, *_home_evses(people)), prices), people


def _home_evses(people: People) -> tuple[Evse, ...]:
    return tuple(charger.evse for charger in people.home_chargers)


def _span(month: BillingMonth) -> tuple[int, int]:
    return month_bounds(month.previous)[0], month_bounds(month)[1]


def _claims(seed: int, network: Network, diary: Diary, happened: list[Session], month: BillingMonth) -> list[Claim]:
    start, end = month_bounds(month)
    public = Network(network.cities, _public(network.evses, network.cities), network.prices)
    planter = Planter(
        network=public,
        diary=diary,
        random=stream(seed, "faults"),
        span=_span(month),
        month_start=start,
        deadlines=(start + _PUBLISHED_WITHIN, end + _PUBLISHED_WITHIN),
    )
    claims = [Claim.honest(session) for session in happened]
    return planter.plant(claims, faults_of_each_kind(len(happened)))


def _public(evses: tuple[Evse, ...], cities: tuple[City, ...]) -> tuple[Evse, ...]:
    """Leave drivers' homes out: nobody clones a card to charge there."""
    names = {city.name for city in cities}
    return tuple(evse for evse in evses if evse.location.city in names and not evse.tariff_id.endswith("HOME"))
