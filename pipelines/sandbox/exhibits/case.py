"""An honest session of an exhibit, before and after a fault is planted into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Cdr, Price
from models.rating.reference import price_cdr
from models.types.money import rounded
from pipelines.sandbox.billing import WIRE_SCALE, bill, tariff_of
from pipelines.sandbox.claims import Claim
from pipelines.sandbox.clock import DAY, HOUR, TICK, instant, local_second, ticked
from pipelines.sandbox.identifiers import emaid, token_uid
from pipelines.sandbox.people import Token
from pipelines.sandbox.physics import Charge
from pipelines.sandbox.places import PARTY_BY_ID, Evse, Location, SiteKind
from pipelines.sandbox.prices import PriceList, Window
from pipelines.sandbox.published import Authorization, PublishedCdr, reference_of
from pipelines.sandbox.sessions import Session

PARTY = "DE*LDW"
METERING_PARTY = "DE*EIC"
"""whose agreement asks for signed meter values"""
_SERIALS = 40_000_000
"""where the contracts of exhibits begin; the world's own stay far below"""


@dataclass
class Case:
    """A CDR with everything that belongs to it. Faults change it in place."""

    published: PublishedCdr
    authorizations: list[Authorization]
    tokens: list[tuple[Token, bool, int]]
    """versions of its card: whether it is valid, and from when"""
    must: set[str] = field(default_factory=set)
    """rules that have to find this CDR"""
    may: set[str] = field(default_factory=set)
    """rules that follow from the fault, or not"""
    is_sent: bool = True
    """whether the CDR itself ever comes"""
    has_session: bool = True
    other_bodies: list[PublishedCdr] = field(default_factory=list)
    """further bodies under its id"""
    is_exhibit: bool = True
    """whether it is what the exhibit is about, or a witness beside it"""

    @property
    def cdr(self) -> Cdr:
        """The CDR as it will be sent."""
        return self.published.cdr

    @property
    def session(self) -> Session:
        """What happened."""
        return self.published.claim.session

    def change(self, **fields: object) -> None:
        """Change fields of the CDR."""
        self.published = replace(self.published, cdr=replace(self.cdr, **fields))  # pyright: ignore[reportArgumentType] - names and types are those of Cdr

    def resession(self, **fields: object) -> None:
        """Change what the wire says of card and plug."""
        session = replace(self.session, **fields)  # pyright: ignore[reportArgumentType] - names and types are those of Session
        self.published = replace(self.published, claim=replace(self.published.claim, session=session))

    def rebill(self, zone: ZoneInfo | None = None) -> None:
        """Price the CDR as it stands by its price list, in another time zone where one is given."""
        tariff = tariff_of(self.published.claim.prices)
        priced = price_cdr(self.cdr, (tariff,), zone or self.session.evse.location.zone)
        if priced.total is not None:
            self.claim(priced.total.excl_vat or Decimal(0))

    def claim(self, excl_vat: Decimal) -> None:
        """Claim another total, with the VAT of the price list."""
        vat = 100 + self.published.claim.prices.vat_pct
        exact = rounded(excl_vat, WIRE_SCALE)
        self.change(total_cost=Price(exact, rounded(exact * vat / 100, WIRE_SCALE)))


@dataclass
class Workshop:
    """Makes cases: each has a card of its own, a plug of its own, and a quiet hour on some day of the two months."""

    random: Random
    start: int
    end: int
    """of the two months, in seconds"""
    seen_at: int
    """when everything is pulled"""
    series: str = ""
    """a letter that tells the exhibits of several workshops apart"""
    autumn_day: int | None = None
    """on which the clocks are set back, counted from the start"""
    evses: list[Evse] = field(default_factory=list)
    _made: int = 0

    def case(
        self,
        prices: PriceList | None = None,
        *,
        charge: Charge | None = None,
        started: int | None = None,
        evse: Evse | None = None,
        token: Token | None = None,
        auth_method: str = "AUTH_REQUEST",
        delay: int = 600,
        whitelist: str = "NEVER",
    ) -> Case:
        """Make an honest case: 11 kWh in an hour at a 22 kW plug where nothing else is said."""
        self._made += 1
        prices = prices or AC
        evse = evse or self.plug(prices)
        charge = charge or Charge(9000 + 9 * self.random.randrange(400), HOUR, 0)
        started = self.moment() if started is None else started
        card = token or self.card(whitelist)
        ended = started + charge.seconds
        session = Session(
            token=card,
            contract=None,
            evse=evse,
            started=started,
            charge=charge,
            prices=prices,
            auth_method=auth_method,
            authorized_at=started - self.random.randint(4, 80),
            published_at=ended + delay,
        )
        name = self._name(evse.location)
        reference = None if auth_method == "WHITELIST" else reference_of(session)
        published = PublishedCdr(Claim.honest(session), bill(Claim.honest(session), name, f"{name}-S", reference))
        granted = Authorization("", reference_of(session), card, evse, "ALLOWED", session.authorized_at, None)
        asked = [] if auth_method == "WHITELIST" else [granted]
        versions = [] if token else [(card, True, self.start - 200 * DAY)]
        return Case(published, asked, versions)

    def copy(self, case: Case, later: int, **fields: object) -> Case:
        """Make a second CDR of the same session under a new id, sent some seconds later, with no card of its own."""
        self._made += 1
        claim = replace(case.published.claim, published_at=case.published.claim.published_at + later)
        cdr = replace(
            case.cdr, cdr_id=self._name(case.session.evse.location), last_updated_at=instant(claim.published_at)
        )
        published = PublishedCdr(claim, replace(cdr, **fields))  # pyright: ignore[reportArgumentType] - names and types are those of Cdr
        return Case(published, [], [], has_session=False)

    def _name(self, location: Location) -> str:
        return f"{location.party.short_id}-X{self.series}{self._made:06d}"

    def card(self, whitelist: str = "NEVER") -> Token:
        """Issue a card on a contract of its own."""
        self._made += 1
        return Token(
            token_uid(self.random), "RFID", emaid(_SERIALS + 100_000 * ord(self.series or "@") + self._made), whitelist
        )

    def moment(self) -> int:
        """Choose a quiet moment on a working day's noon, three days off both ends and off any change of the clocks."""
        day = self.random.randrange(3, (self.end - self.start) // DAY - 14)
        return ticked(self.start + day * DAY + 10 * HOUR + self.random.randrange(5 * HOUR))

    def plug(self, prices: PriceList, site: Location | None = None, power_kw: int = 22) -> Evse:
        """Put up a plug of its own, offering exactly this price list."""
        place = site or self.site("1", "Berlin", 52.52, 13.405)
        number = len(self.evses) + 1
        power_type = "DC" if power_kw > 100 else "AC_3_PHASE"
        evse = Evse(
            f"{place.location_id}-{self.series}{number:04d}",
            f"{place.party.party_id}*E{place.location_id.replace('-', '')}*{self.series}{number:04d}",
            place,
            power_kw,
            power_type,
            prices.tariff_id,
        )
        self.evses.append(evse)
        return evse

    def site(
        self, number: str, city: str, latitude: float, longitude: float, country: str = "DE", party_id: str = PARTY
    ) -> Location:
        """Give a site of the exhibits."""
        party = PARTY_BY_ID[party_id]
        zone = {"DE": "Europe/Berlin", "NL": "Europe/Amsterdam", "DK": "Europe/Copenhagen"}[country]
        return Location(
            f"{party.short_id}-X{number}",
            party,
            SiteKind.PUBLIC,
            f"Exhibit {number}",
            "Am Hof 1",
            "10115",
            city,
            country,
            latitude,
            longitude,
            zone,
            self.start - 200 * DAY,
        )

    def at(self, day: int, hour: int, minute: int = 0) -> int:
        """Give the second count of a local time on a day counted from the start of the two months."""
        date = instant(self.start + day * DAY + 12 * HOUR).date()
        return local_second(date, hour * 60 + minute, ZoneInfo("Europe/Berlin")) // TICK * TICK


def prices(tariff_id: str, party_id: str = PARTY, **terms: str | int | tuple[Window, ...]) -> PriceList:
    """Write a price list of the exhibits."""
    known = {name: Decimal(value) if isinstance(value, str) else value for name, value in terms.items()}
    vat = known.pop("vat_pct", Decimal(19))
    return PriceList(party_id, f"{party_id[3:]}-X-{tariff_id}", "EUR", vat, **known)  # pyright: ignore[reportArgumentType] - the lists below are the check


_DAY = Window(8 * 60, 20 * 60, Decimal("0.60"))
_NIGHT = Window(20 * 60, 8 * 60, Decimal("0.20"))
_LATE = Window(3 * 60, 20 * 60, Decimal("0.60"))
_EARLY = Window(20 * 60, 3 * 60, Decimal("0.20"))

AC = prices("AC", per_kwh="0.40")
DC = prices("DC", per_kwh="0.50")
DEAR = prices("DEAR", per_kwh="1.20")
DUTCH = prices("NL", per_kwh="0.40", vat_pct="21")
FREE = prices("FREE")
FEE = prices("FEE", start_fee="1.00", per_kwh="0.40")
TOD = prices("TOD", windows=(_DAY, _NIGHT))
FROM_THREE = prices("THREE", windows=(_LATE, _EARLY))
STEP = prices("STEP", per_charging_hour="3.60", time_step_seconds=900)
METERED = prices("METERED", METERING_PARTY, per_kwh="0.40")
GHOST = prices("GHOST", per_kwh="0.40")
"""a list that is never published"""
PUBLISHED = (AC, DC, DEAR, DUTCH, FREE, FEE, TOD, FROM_THREE, STEP, METERED)


def published_prices(start: int) -> Iterable[PriceList]:
    """Give the lists of the exhibits as they were published long before."""
    return (replace(each, published_at=start - 200 * DAY) for each in PUBLISHED)
