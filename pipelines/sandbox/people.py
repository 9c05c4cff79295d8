"""Who drives: consumers with their contracts, the two fleets, their tokens, cars and home chargers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from models.types.time import BillingMonth
from models.types.vocabularies import AccountKind, ReimbursementBasis
from pipelines.sandbox.identifiers import emaid, iban, token_uid
from pipelines.sandbox.names import CARS, FIRST_NAMES, LANGUAGES, LAST_NAMES, STREETS
from pipelines.sandbox.places import City, Evse, build_home_evse

_BEGINNING = date(2025, 1, 1)
_LEAST_CONSUMERS, _SESSIONS_PER_CONSUMER = 36, 60
_GERMAN_FLEET, _DUTCH_FLEET = 10_000_000, 20_000_000
"""where the serial numbers of the fleets' contracts begin"""
_VEHICLES_PER_FLEET, _HOME_CHARGERS_PER_FLEET = 8, 3
_HOME_COUNTRIES = ("DE",) * 7 + ("NL",) * 2 + ("FR",)


@dataclass(frozen=True, slots=True)
class Account:
    """A customer. `vat_ids` by country; consumers have none."""

    account_id: str
    kind: AccountKind
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    email: str
    language: str
    payment_terms_days: int
    valid_from: date
    vat_ids: tuple[tuple[str, str], ...] = ()

    @property
    def is_consumer(self) -> bool:
        """Whether the customer is a private person."""
        return self.kind is AccountKind.CONSUMER


@dataclass(frozen=True, slots=True)
class Car:
    """What a car can take: battery in kWh, most AC power and mean DC power in kW."""

    model: str
    battery_kwh: int
    ac_kw: int
    dc_kw: int


@dataclass(frozen=True, slots=True)
class Driver:
    """A fleet's driver, with the bank account that refunds go to."""

    driver_id: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    iban: str


@dataclass(frozen=True, slots=True)
class HomeCharger:
    """A wallbox at a driver's home and what the employer pays per kWh."""

    evse: Evse
    driver_id: str
    meter_id: str
    basis: ReimbursementBasis
    contract_price_per_kwh: Decimal | None


@dataclass(frozen=True, slots=True)
class Token:
    """What is held to a reader, or an app that starts a session."""

    uid: str
    token_type: str
    contract_id: str
    whitelist: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A charging contract with its tokens and its car. Valid from a day, to a day exclusive."""

    contract_id: str
    account: Account
    plan_id: str
    car: Car
    home: City
    tokens: tuple[Token, ...]
    valid_from: date
    valid_to: date | None = None
    driver: Driver | None = None
    vehicle_id: str | None = None
    plate: str | None = None
    cost_centre: str | None = None
    home_charger: HomeCharger | None = None

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the contract is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class People:
    """All contracts; accounts, tokens, drivers and chargers are found through them."""

    contracts: tuple[Contract, ...]

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The customers, in order of first contract."""
        return tuple({contract.account.account_id: contract.account for contract in self.contracts}.values())

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens."""
        return tuple(token for contract in self.contracts for token in contract.tokens)

    @property
    def home_chargers(self) -> tuple[HomeCharger, ...]:
        """All home chargers."""
        return tuple(contract.home_charger for contract in self.contracts if contract.home_charger)


def build_people(
    cities: tuple[City, ...], random: Random, sessions: int, month: BillingMonth, opened_at: int
) -> People:
    """Give consumers in number with the sessions, and the two fleets."""
    count = max(_LEAST_CONSUMERS, sessions // _SESSIONS_PER_CONSUMER)
    consumers = [_consumer(number, cities, random, month) for number in range(1, count + 1)]
    return People((*consumers, *_fleets(cities, random, opened_at)))


def _consumer(number: int, cities: tuple[City, ...], random: Random, month: BillingMonth) -> Contract:
    country = _HOME_COUNTRIES[number % len(_HOME_COUNTRIES)]
    home = random.choice([city for city in cities if city.country == country])
    first, last = random.choice(FIRST_NAMES[country]), random.choice(LAST_NAMES[country])
    valid_from, valid_to = _validity(number, month)
    account = Account(
        account_id=f"C{number:05d}",
        kind=AccountKind.CONSUMER,
        name=f"{first} {last}",
        street=_street(country, random),
        postal_code=_postal_code(home),
        city=home.name,
        country=country,
        email=f"kunde{number:05d}@mail.example",
        language=LANGUAGES[country],
        payment_terms_days=14,
        valid_from=valid_from,
    )
    contract_id = emaid(number)
    tokens = _tokens(contract_id, random, with_app=number % 2 == 0)
    plan = "plus" if number % 5 in {1, 3} else "flex"
    return Contract(contract_id, account, plan, _car(random), home, tokens, valid_from, valid_to)


def _validity(number: int, month: BillingMonth) -> tuple[date, date | None]:
    """Let most contracts run on; every 18th begins inside the month, every 18th ends inside it."""
    match number % 18:
        case 7:
            return month.first_day + timedelta(days=9), None
        case 11:
            return _BEGINNING, month.first_day + timedelta(days=17)
        case _:
            return _BEGINNING + timedelta(days=number * 13 % 500), None


_ALPENLOGISTIK = Account(
    account_id="F00001",
    kind=AccountKind.BUSINESS,
    name="Alpenlogistik GmbH",
    street="Speditionsring 8",
    postal_code="90411",
    city="Nürnberg",
    country="DE",
    email="fuhrpark@alpenlogistik.example",
    language="de",
    payment_terms_days=30,
    valid_from=_BEGINNING,
    vat_ids=(("DE", "DE290417304"),),
)
_POLDER = Account(
    account_id="F00002",
    kind=AccountKind.BUSINESS,
    name="Polder Logistiek B.V.",
    street="Distributieweg 21",
    postal_code="3542 AD",
    city="Utrecht",
    country="NL",
    email="wagenpark@polder-logistiek.example",
    language="nl",
    payment_terms_days=30,
    valid_from=_BEGINNING,
    vat_ids=(("NL", "NL814290103B01"), ("BE", "BE0671340166")),
)
_COST_CENTRES = ("4100 Fernverkehr", "4200 Nahverkehr", "4300 Vertrieb")


def _fleets(cities: tuple[City, ...], random: Random, opened_at: int) -> list[Contract]:
    return [
        _fleet_contract(fleet, number, cities, random, opened_at)
        for fleet in (_ALPENLOGISTIK, _POLDER)
        for number in range(1, _VEHICLES_PER_FLEET + 1)
    ]


def _fleet_contract(fleet: Account, number: int, cities: tuple[City, ...], random: Random, opened_at: int) -> Contract:
    country = fleet.country
    home = random.choice([city for city in cities if city.country == country])
    driver = Driver(
        driver_id=f"D{country}{number:03d}",
        name=f"{random.choice(FIRST_NAMES[country])} {random.choice(LAST_NAMES[country])}",
        street=_street(country, random),
        postal_code=_postal_code(home),
        city=home.name,
        country=country,
        iban=iban(country, random),
    )
    contract_id = emaid((_GERMAN_FLEET if country == "DE" else _DUTCH_FLEET) + number)
    return Contract(
        contract_id=contract_id,
        account=fleet,
        plan_id="fleet",
        car=_car(random),
        home=home,
        tokens=_tokens(contract_id, random, with_app=False),
        valid_from=_BEGINNING,
        driver=driver,
        vehicle_id=f"V{country}{number:03d}",
        plate=_plate(country, number, random),
        cost_centre=_COST_CENTRES[number % len(_COST_CENTRES)],
        home_charger=_home_charger(driver, number, home, random, opened_at),
    )


def _home_charger(driver: Driver, number: int, home: City, random: Random, opened_at: int) -> HomeCharger | None:
    """Give the first drivers of each fleet a wallbox; German ones are paid the flat value, Dutch ones their price."""
    if number > _HOME_CHARGERS_PER_FLEET:
        return None
    is_german = driver.country == "DE"
    box = number if is_german else number + _HOME_CHARGERS_PER_FLEET
    return HomeCharger(
        evse=build_home_evse(box, driver.country, (driver.street, driver.postal_code, driver.city), home, opened_at),
        driver_id=driver.driver_id,
        meter_id=f"1EMH00{random.randrange(10**8):08d}",
        basis=ReimbursementBasis.REFERENCE_FLAT if is_german else ReimbursementBasis.CONTRACT_PRICE,
        contract_price_per_kwh=None if is_german else Decimal(2700 + 35 * number) / 10000,
    )


def _tokens(contract_id: str, random: Random, *, with_app: bool) -> tuple[Token, ...]:
    whitelist = random.choice(("ALWAYS", "ALLOWED", "ALLOWED"))
    card = Token(token_uid(random), "RFID", contract_id, whitelist)
    app = Token(f"APP-{contract_id}", "APP_USER", contract_id, "NEVER")
    return (card, app) if with_app else (card,)


def _car(random: Random) -> Car:
    return Car(*random.choice(CARS))


def _street(country: str, random: Random) -> str:
    street, number = random.choice(STREETS[country]), random.randint(1, 120)
    return f"{number} {street}" if country == "FR" else f"{street} {number}"


def _postal_code(home: City) -> str:
    return f"{home.postal_code} AB" if home.country == "NL" else home.postal_code


def _plate(country: str, number: int, random: Random) -> str:
    if country == "DE":
        return f"N-AL {100 + number * 7}E"
    return f"{random.choice('GHKX')}-{100 + number * 13}-{random.choice('BDFT')}{random.choice('XZPR')}"
