"""Where one can charge: the parties of the network, their locations, EVSEs and price lists."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from math import asin, ceil, cos, radians, sin, sqrt
from random import Random
from zoneinfo import ZoneInfo

from pipelines.lib.settings import CHECKOUT
from pipelines.sandbox.pricelists import PriceBook

STATIC = CHECKOUT / "data" / "sandbox"
"""the parts of the world that do not depend on the seed"""

_SESSIONS_PER_EVSE = 24
"""over two months and all EVSEs; above about 60 the busy sites fill up and sessions find no free plug"""


class SiteKind(StrEnum):
    """What a location is used for; it decides arrivals, power and how long cars stay."""

    PUBLIC = "public"
    WORKPLACE = "workplace"
    FAST = "fast"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Party:
    """A CPO and the habits of its back office."""

    party_id: str
    """such as DE*LDW"""
    name: str
    country: str
    connection_id: str
    carries_tariffs: bool
    """whether its CDRs contain the tariffs they were priced by"""
    echoes_references: bool
    """whether its CDRs repeat the eMSP's authorization_reference"""

    @property
    def country_code(self) -> str:
        """The country half of the party id."""
        return self.party_id[:2]

    @property
    def short_id(self) -> str:
        """The party half of the party id."""
        return self.party_id[3:]


PARTIES = (
    Party("DE*LDW", "Ladewerk Nord", "DE", "ldw", carries_tariffs=True, echoes_references=True),
    Party("DE*SWM", "Stadtwerke Morgenthal", "DE", "swm", carries_tariffs=False, echoes_references=False),
    Party("NL*VLT", "Voltlaad", "NL", "vlt", carries_tariffs=True, echoes_references=True),
    Party("DK*STR", "Stroemvej", "DK", "str", carries_tariffs=True, echoes_references=True),
    Party("BE*CHB", "Chargebel", "BE", "hub", carries_tariffs=False, echoes_references=False),
    Party("FR*RCH", "Rechargeo", "FR", "hub", carries_tariffs=True, echoes_references=True),
    Party("DE*EIC", "Eichpark Leinetal", "DE", "hub", carries_tariffs=True, echoes_references=True),
)
"""the last has no sites where people charge: the exhibits about signed meter values, which it owes us, stand there"""
PARTY_BY_ID = {party.party_id: party for party in PARTIES}
ZONES = {
    "DE": "Europe/Berlin",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "FR": "Europe/Paris",
    "DK": "Europe/Copenhagen",
}
ALPHA3 = {"DE": "DEU", "NL": "NLD", "BE": "BEL", "FR": "FRA", "DK": "DNK"}


@dataclass(frozen=True)
class Location:
    """A site with coordinates in degrees; `country` is ISO 3166-1 alpha-2."""

    location_id: str
    party: Party
    kind: SiteKind
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    latitude: float
    longitude: float
    zone_name: str
    published_at: int

    @cached_property
    def zone(self) -> ZoneInfo:
        """The IANA zone."""
        return ZoneInfo(self.zone_name)


@dataclass(frozen=True)
class Evse:
    """An EVSE with its one connector."""

    uid: str
    evse_id: str
    location: Location
    power_kw: int
    power_type: str
    tariff_id: str

    @property
    def is_dc(self) -> bool:
        """Whether the connector gives direct current."""
        return self.power_type == "DC"


@dataclass(frozen=True)
class City:
    """A city in which a party has sites."""

    country: str
    party: Party
    name: str
    postal_code: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Network:
    """All that stands still: cities, EVSEs by city and kind, and the price book."""

    cities: tuple[City, ...]
    evses: tuple[Evse, ...]
    prices: PriceBook

    @cached_property
    def locations(self) -> tuple[Location, ...]:
        """The locations, in the order of their EVSEs."""
        return tuple({evse.location.location_id: evse.location for evse in self.evses}.values())

    @cached_property
    def by_city(self) -> dict[tuple[str, SiteKind], tuple[Evse, ...]]:
        """EVSEs by city name and kind of site."""
        found: dict[tuple[str, SiteKind], list[Evse]] = {}
        for evse in self.evses:
            found.setdefault((evse.location.city, evse.location.kind), []).append(evse)
        return {key: tuple(evses) for key, evses in found.items()}


def kilometres(one: Location, other: Location) -> float:
    """Give the great-circle distance of two locations."""
    here, there = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    chord = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(east / 2) ** 2
    return 12742 * asin(sqrt(chord))


def build_cities() -> tuple[City, ...]:
    """Read the cities of the network."""
    with (STATIC / "cities.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            City(
                row["country"],
                PARTY_BY_ID[f"{row['country']}*{row['party']}"],
                row["city"],
                row["postal_code"],
                float(row["latitude"]),
                float(row["longitude"]),
            )
            for row in csv.DictReader(file)
        )


def build_public_evses(
    cities: tuple[City, ...], prices: PriceBook, random: Random, sessions: int, opened_at: int
) -> tuple[Evse, ...]:
    """Give the EVSEs of every city: three sites each, with more plugs the more sessions there will be."""
    sites = ((SiteKind.PUBLIC, 4), (SiteKind.WORKPLACE, 5), (SiteKind.FAST, 3))
    plugs = len(cities) * sum(count for _, count in sites)
    scale = max(1, ceil(sessions / (plugs * _SESSIONS_PER_EVSE)))
    evses: list[Evse] = []
    for index, city in enumerate(cities, start=1):
        for number, (kind, count) in enumerate(sites, start=1):
            site = _site(city, kind, f"{city.party.short_id}-{index:02d}{number}", random, opened_at)
            evses.extend(_plugs(site, count * scale, prices, index))
    return tuple(evses)


def build_home_evse(number: int, country: str, address: tuple[str, str, str], near: City, opened_at: int) -> Evse:
    """Give a driver's wallbox, run by Stadtwerke Morgenthal; `address` is street, postal code, city."""
    street, postal_code, city = address
    party = PARTY_BY_ID["DE*SWM"]
    shift = 0.011 * (number % 5 - 2)
    location = Location(
        f"SWM-H{number:02d}",
        party,
        SiteKind.HOME,
        f"Wallbox {number:02d}",
        street,
        postal_code,
        city,
        country,
        round(near.latitude + shift, 5),
        round(near.longitude - shift, 5),
        ZONES[country],
        opened_at,
    )
    return Evse(f"SWM-H{number:02d}-1", f"DE*SWM*EH{number:02d}*1", location, 11, "AC_3_PHASE", "SWM-HOME")


_STREETS = {
    "DE": ("Am Bahnhof", "Werkstraße", "Autohof-Ring"),
    "NL": ("Stationsplein", "Fabrieksweg", "Snelwegpoort"),
    "DK": ("Stationsvej", "Fabriksvej", "Motorvejen"),
    "BE": ("Stationsplein", "Nijverheidslaan", "Ringlaan"),
    "FR": ("Place de la Gare", "Rue de l'Industrie", "Aire de l'Est"),
}
_SITE_NAMES = {SiteKind.PUBLIC: "Centre", SiteKind.WORKPLACE: "Business Park", SiteKind.FAST: "Fast Charging Hub"}
_SHIFTS = {SiteKind.PUBLIC: (0.0, 0.0), SiteKind.WORKPLACE: (0.035, -0.05), SiteKind.FAST: (-0.045, 0.06)}
"""degrees from the city's middle; the sites of a city are some five kilometres apart"""


def _site(city: City, kind: SiteKind, location_id: str, random: Random, opened_at: int) -> Location:
    north, east = _SHIFTS[kind]
    street = _STREETS[city.country][(SiteKind.PUBLIC, SiteKind.WORKPLACE, SiteKind.FAST).index(kind)]
    return Location(
        location_id,
        city.party,
        kind,
        f"{city.party.name} {city.name} {_SITE_NAMES[kind]}",
        f"{street} {random.randint(1, 80)}",
        city.postal_code,
        city.name,
        city.country,
        round(city.latitude + north + random.uniform(-0.004, 0.004), 5),
        round(city.longitude + east + random.uniform(-0.004, 0.004), 5),
        ZONES[city.country],
        opened_at,
    )


_POWERS = {SiteKind.PUBLIC: (22, 11, 22, 11), SiteKind.WORKPLACE: (11, 22, 11, 11, 22), SiteKind.FAST: (150, 50, 300)}


def _plugs(site: Location, count: int, prices: PriceBook, city_number: int) -> list[Evse]:
    powers = _POWERS[site.kind]
    tariff_id = prices.tariff_of(site.party.party_id, str(site.kind), city_number)
    power_type = "DC" if site.kind is SiteKind.FAST else "AC_3_PHASE"
    party, code = site.party, site.location_id.replace("-", "")
    return [
        Evse(
            f"{site.location_id}-{number:02d}",
            f"{party.country_code}*{party.short_id}*E{code}*{number:02d}",
            site,
            powers[number % len(powers)],
            power_type,
            tariff_id,
        )
        for number in range(1, count + 1)
    ]


def coordinate(degrees: float) -> str:
    """Write a coordinate as OCPI wants it, a string of five decimals."""
    return f"{Decimal(repr(degrees)):.5f}"
