"""What really happened: who charged where, when, and how much. Nobody is in two places, no plug serves two cars."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace
from random import Random

from models.types.time import BillingMonth
from pipelines.sandbox.arrivals import Arrival, Calendar, draw_kind, draw_month, special_evenings
from pipelines.sandbox.clock import DAY, HOUR, local_day, local_minute, month_bounds
from pipelines.sandbox.people import Contract, People, Token
from pipelines.sandbox.physics import Charge, charge
from pipelines.sandbox.places import City, Evse, Location, Network, SiteKind, kilometres
from pipelines.sandbox.prices import PriceList

_SPECIALS_PER_EVENING = 3
_HOME_SHARE, _TRIP_SHARE, _TRIP_ABROAD_SHARE = 0.35, 0.2, 0.65
_TRIES = 400
_TRAVEL_KMH, _PAUSE = 75, HOUR // 2
_LATEST_DELAY = 36 * HOUR


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it happened. Seconds are UTC; `contract` is None where nobody of ours was there."""

    token: Token
    contract: Contract | None
    evse: Evse
    started: int
    charge: Charge
    prices: PriceList
    auth_method: str
    authorized_at: int
    published_at: int
    """when the CPO's CDR of it appears"""

    @property
    def ended(self) -> int:
        """When the car was unplugged."""
        return self.started + self.charge.seconds

    @property
    def is_home(self) -> bool:
        """Whether it took place at a driver's home."""
        return self.evse.location.kind is SiteKind.HOME


@dataclass(frozen=True, slots=True)
class Stay:
    """An occupied stretch of time at a place."""

    started: int
    ended: int
    location: Location


@dataclass
class Diary:
    """Where each contract and each EVSE is taken, so that nothing collides."""

    stays: dict[str, list[Stay]] = field(default_factory=dict)
    plugs: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def note(self, contract_id: str, evse: Evse, started: int, ended: int) -> None:
        """Enter a session."""
        insort(self.plugs.setdefault(evse.uid, []), (started, ended))
        stay = Stay(started, ended, evse.location)
        insort(self.stays.setdefault(contract_id, []), stay, key=lambda each: each.started)

    def is_plug_free(self, evse: Evse, started: int, ended: int) -> bool:
        """Tell whether a plug is free, with five minutes around it."""
        taken = self.plugs.get(evse.uid, [])
        index = bisect_left(taken, (started, ended))
        before = index == 0 or taken[index - 1][1] + 300 <= started
        return before and (index == len(taken) or ended + 300 <= taken[index][0])

    def can_be_there(self, contract_id: str, location: Location, started: int, ended: int) -> bool:
        """Tell whether a driver can come from the stay before and be in time for the one after."""
        stays = self.stays.get(contract_id, [])
        index = bisect_left(stays, started, key=lambda each: each.started)
        if index and not _travels(stays[index - 1].ended, stays[index - 1].location, started, location):
            return False
        return index == len(stays) or _travels(ended, location, stays[index].started, stays[index].location)

    def is_alone(self, contract_id: str, started: int, ended: int, margin: int) -> bool:
        """Tell whether a contract has exactly one stay that comes within `margin` seconds of an interval."""
        stays = self.stays.get(contract_id, [])
        near = [each for each in stays if each.started < ended + margin and each.ended > started - margin]
        return len(near) == 1


def _travels(left: int, here: Location, arrives: int, there: Location) -> bool:
    return arrives - left >= _PAUSE + kilometres(here, there) / _TRAVEL_KMH * HOUR


@dataclass
class Days:
    """In which city each driver is on each day: at home, or on a trip, often abroad."""

    cities: tuple[City, ...]
    random: Random
    drawn: dict[tuple[str, int], City] = field(default_factory=dict)

    def city(self, contract: Contract, day: int) -> City:
        """Give the city of a driver's day."""
        known = self.drawn.get((contract.contract_id, day))
        if known is None:
            known = self.drawn[contract.contract_id, day] = self._draw(contract)
        return known

    def _draw(self, contract: Contract) -> City:
        if self.random.random() >= _TRIP_SHARE:
            return contract.home
        country = contract.home.country
        if self.random.random() < _TRIP_ABROAD_SHARE:
            country = self.random.choice(sorted({city.country for city in self.cities} - {country}))
        return self.random.choice([city for city in self.cities if city.country == country])


@dataclass
class Planner:
    """Draws sessions until enough fit."""

    network: Network
    people: People
    month: BillingMonth
    random: Random
    days: Days
    diary: Diary = field(default_factory=Diary)

    def plan(self, count: int) -> list[Session]:
        """Give `count` sessions of the two months; the first ones lie across the special nights."""
        calendars = {month: Calendar.of(month) for month in (self.month.previous, self.month)}
        evenings = special_evenings(self.month) * _SPECIALS_PER_EVENING
        specials = [self._across(evening) for evening in evenings[: count // 4]]
        ordinary = [self._some(calendars) for _ in range(count - len(specials))]
        return [*specials, *ordinary]

    def _across(self, evening: int) -> Session:
        for _ in range(_TRIES):
            arrival = Arrival(SiteKind.PUBLIC, evening + self.random.randrange(200) * 9)
            session = self._at_public_site(self.random.choice(self.people.contracts), arrival, is_overnight=True)
            if session:
                return session
        raise _crowded(len(self.network.evses))

    def _some(self, calendars: dict[BillingMonth, Calendar]) -> Session:
        for _ in range(_TRIES):
            contract = self.random.choice(self.people.contracts)
            calendar = calendars[draw_month(self.month, self.random)]
            if contract.home_charger and self.random.random() < _HOME_SHARE:
                arrival = calendar.arrival(SiteKind.HOME, self.random)
                session = self._at(contract, contract.home_charger.evse, arrival)
            else:
                session = self._at_public_site(contract, calendar.arrival(draw_kind(self.random), self.random))
            if session:
                return session
        raise _crowded(len(self.network.evses))

    def _at_public_site(self, contract: Contract, arrival: Arrival, *, is_overnight: bool = False) -> Session | None:
        city = self.days.city(contract, arrival.at // DAY)
        evse = self.random.choice(self.network.by_city[city.name, arrival.kind])
        return self._at(contract, evse, arrival, is_overnight=is_overnight)

    def _at(self, contract: Contract, evse: Evse, arrival: Arrival, *, is_overnight: bool = False) -> Session | None:
        """Give a session there, or None where contract, plug or road do not allow it."""
        location = evse.location
        minute = local_minute(arrival.at, location.zone)
        drawn = charge(evse, contract.car, minute, self.random, is_overnight=is_overnight)
        ended = arrival.at + drawn.seconds
        days = {local_day(arrival.at, location.zone), local_day(ended, location.zone)}
        fits = (
            all(contract.is_valid_on(day) for day in days)
            and self.diary.is_plug_free(evse, arrival.at, ended)
            and self.diary.can_be_there(contract.contract_id, location, arrival.at, ended)
        )
        if not fits:
            return None
        self.diary.note(contract.contract_id, evse, arrival.at, ended)
        token, auth_method = self._how(contract)
        return Session(
            token=token,
            contract=contract,
            evse=evse,
            started=arrival.at,
            charge=drawn,
            prices=self.network.prices.at(evse.tariff_id, arrival.at),
            auth_method=auth_method,
            authorized_at=arrival.at - self.random.randint(4, 80),
            published_at=ended + delay(self.random),
        )

    def _how(self, contract: Contract) -> tuple[Token, str]:
        token = self.random.choice(contract.tokens)
        if token.token_type == "APP_USER":
            return token, "COMMAND"
        offline = token.whitelist == "ALWAYS" and self.random.random() < 0.4
        return token, "WHITELIST" if offline else "AUTH_REQUEST"


def delay(random: Random) -> int:
    """Draw the seconds between the end of a session and its CDR: mostly minutes, at times a day."""
    return min(_LATEST_DELAY, 30 + int(random.expovariate(1 / 5400)))


def with_late_ones(sessions: list[Session], month: BillingMonth, random: Random) -> list[Session]:
    """Let the CDRs of a handful of sessions of the month before appear between the 8th and the 12th of the month."""
    start, _ = month_bounds(month)
    candidates = [index for index, session in enumerate(sessions) if session.ended < start - DAY]
    late = set(random.sample(candidates, min(len(candidates), max(3, len(sessions) // 500))))
    return [
        replace(session, published_at=start + 7 * DAY + random.randrange(4 * DAY)) if index in late else session
        for index, session in enumerate(sessions)
    ]


def _crowded(evses: int) -> RuntimeError:
    return RuntimeError(f"no free plug or driver found in {_TRIES} tries on {evses} EVSEs: the world is too small")
