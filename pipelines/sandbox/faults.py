"""The planted faults.

Each one sits alone: its driver is nowhere else half a day around, so that exactly one CDR is to be held for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from models.types.money import rounded
from pipelines.sandbox.claims import Claim, Fault
from pipelines.sandbox.clock import HOUR, ticked
from pipelines.sandbox.identifiers import NEVER_ISSUED, emaid, token_uid
from pipelines.sandbox.people import Token
from pipelines.sandbox.physics import Charge
from pipelines.sandbox.places import Evse, Network, kilometres
from pipelines.sandbox.sessions import Diary, Session, delay
from pipelines.sandbox.truth_wholesale import wholesale_price

_RATE = 0.025
_ALONE = 12 * HOUR
_LEAST_TOTAL = {"EUR": Decimal(4), "DKK": Decimal(30)}
"""claims below are too small for a fault of 3 % to show"""
_LEAST_ERROR = {"EUR": Decimal("0.50"), "DKK": Decimal(4)}
_CLONE_KILOMETRES = 5


def faults_of_each_kind(sessions: int) -> int:
    """Give how many faults of each kind a world of this size has: 2.5 % over all seven kinds."""
    least = 3 if sessions >= 2000 else 1 if sessions >= 300 else 0
    return max(least, round(sessions * _RATE / len(Fault)))


@dataclass
class Planter:
    """Plants faults into honest claims."""

    network: Network
    diary: Diary
    random: Random
    span: tuple[int, int]
    """start and end of the two months"""
    month_start: int
    """where the second one begins"""
    deadlines: tuple[int, int]
    """when the first and the second month's CDRs must have appeared"""

    def plant(self, claims: list[Claim], of_each: int) -> list[Claim]:
        """Give the claims with `of_each` faults of every kind; copies and cards of others add claims at the end."""
        planted = list(claims)
        free = self._candidates(claims)
        for fault in Fault:
            for _ in range(of_each):
                self._plant_one(fault, planted, free)
        return planted

    def _candidates(self, claims: list[Claim]) -> list[int]:
        """Give positions of claims that can bear a fault, in random order."""
        found = [index for index, claim in enumerate(claims) if self._is_candidate(claim.session)]
        self.random.shuffle(found)
        return found

    def _is_candidate(self, session: Session) -> bool:
        on_time = session.published_at < self._deadline(session.ended) and session.ended < self.span[1]
        contract_id = session.token.contract_id
        return (
            not session.is_home and on_time and self.diary.is_alone(contract_id, session.started, session.ended, _ALONE)
        )

    def _deadline(self, ended: int) -> int:
        first, second = self.deadlines
        return first if ended < self.month_start else second

    def _plant_one(self, fault: Fault, claims: list[Claim], free: list[int]) -> None:
        """Plant one fault on the first candidate that fits it; that candidate is used up."""
        plants: dict[Fault, Callable[[Claim], Iterator[Claim]]] = {
            Fault.WRONG_TOTAL: self._wrong_total,
            Fault.WRONG_TARIFF: self._wrong_tariff,
            Fault.ENERGY_ABOVE_POWER: self._energy_above_power,
            Fault.DUPLICATE_NEW_ID: self._duplicate,
            Fault.UNKNOWN_TOKEN: self._unknown_token,
            Fault.NO_AUTHORIZATION: self._no_authorization,
            Fault.OVERLAPPING_SESSION: self._overlapping,
        }
        for position, index in enumerate(free):
            found = list(plants[fault](claims[index]))
            if found:
                claims[index] = found[0]
                claims.extend(found[1:])
                del free[position]
                return

    def _wrong_total(self, claim: Claim) -> Iterator[Claim]:
        """Be off by 3 to 40 per cent and more than half a euro, mostly upwards."""
        total = wholesale_price(claim.prices, claim.session)
        least = _LEAST_ERROR[claim.prices.currency]
        if total < _LEAST_TOTAL[claim.prices.currency]:
            return
        share = max(least / total + Decimal("0.01"), Decimal(self.random.randint(30, 400)) / 1000)
        factor = 1 + rounded(share, 3) * (1 if self.random.random() < 0.8 else -1)
        yield replace(claim, total_factor=factor, fault=Fault.WRONG_TOTAL)

    def _wrong_tariff(self, claim: Claim) -> Iterator[Claim]:
        """Bill by a dearer list under the same id; only where CDRs carry tariffs and the agreed one is published."""
        prices = claim.prices
        is_agreed = prices.valid_to is None and prices.min_price is None and prices.max_price is None
        carries = claim.session.evse.location.party.carries_tariffs
        if not (carries and is_agreed and wholesale_price(prices, claim.session) >= _LEAST_TOTAL[prices.currency]):
            return
        dearer = prices.dearer(Decimal(self.random.randint(115, 140)) / 100)
        yield replace(claim, prices=dearer, fault=Fault.WRONG_TARIFF)

    def _energy_above_power(self, claim: Claim) -> Iterator[Claim]:
        """Claim 1.35 to 1.6 times what the connector could have given in the whole session."""
        charge = claim.charge
        if charge.parking_seconds > charge.charging_seconds:
            return
        most_wh = claim.session.evse.power_kw * charge.seconds / 3.6
        claimed = replace(charge, energy_wh=int(most_wh * self.random.uniform(1.35, 1.6)))
        yield replace(claim, charge=claimed, fault=Fault.ENERGY_ABOVE_POWER)

    def _duplicate(self, claim: Claim) -> Iterator[Claim]:
        """Send the same again under a new id some hours later."""
        later = claim.published_at + self.random.randint(1, 12) * HOUR
        if later >= self._deadline(claim.session.ended):
            return
        yield claim
        yield replace(claim, published_at=later, is_copy=True, fault=Fault.DUPLICATE_NEW_ID)

    def _no_authorization(self, claim: Claim) -> Iterator[Claim]:
        """Leave no trace in the eMSP's log although the CPO says that it asked."""
        if claim.session.auth_method == "AUTH_REQUEST":
            yield replace(claim, is_authorized=False, fault=Fault.NO_AUTHORIZATION)

    def _unknown_token(self, claim: Claim) -> Iterator[Claim]:
        """Let a card that the eMSP never issued charge on the same plug on another day."""
        session = self._stranger(claim.session)
        if session:
            yield claim
            yield replace(Claim.honest(session), is_authorized=False, fault=Fault.UNKNOWN_TOKEN)

    def _stranger(self, session: Session) -> Session | None:
        started = session.started + self.random.choice((-2, -1, 1, 2)) * 24 * HOUR + 9 * self.random.randrange(400)
        ended = started + session.charge.seconds
        same_month = (started < self.month_start) == (ended < self.month_start) == (session.ended < self.month_start)
        if not (
            same_month and self._is_inside(started, ended) and self.diary.is_plug_free(session.evse, started, ended)
        ):
            return None
        contract_id = emaid(NEVER_ISSUED + self.random.randrange(NEVER_ISSUED))
        token = Token(token_uid(self.random), "RFID", contract_id, "NEVER")
        self.diary.note(token.contract_id, session.evse, started, ended)
        return replace(
            session,
            token=token,
            contract=None,
            started=started,
            prices=self.network.prices.at(session.evse.tariff_id, started),
            auth_method="AUTH_REQUEST",
            published_at=ended + delay(self.random),
        )

    def _overlapping(self, claim: Claim) -> Iterator[Claim]:
        """Let a cloned card charge more than five kilometres away while the real one is charging."""
        clone = self._clone(claim.session)
        if clone:
            yield claim
            yield replace(Claim.honest(clone), fault=Fault.OVERLAPPING_SESSION)

    def _clone(self, session: Session) -> Session | None:
        if session.charge.charging_seconds < HOUR or session.token.token_type != "RFID":
            return None
        started = session.started + ticked(session.charge.charging_seconds * self.random.uniform(0.2, 0.6))
        length = ticked(self.random.uniform(0.4, 0.9) * HOUR)
        evse = self._elsewhere(session, started, started + length)
        if evse is None or not self._is_inside(started, started + length):
            return None
        power_kw = min(evse.power_kw, 11) * 0.93
        charge = Charge(int(power_kw * length / 3.6), length, 0)
        self.diary.note(f"clone of {session.token.contract_id}", evse, started, started + length)
        return replace(
            session,
            evse=evse,
            started=started,
            charge=charge,
            prices=self.network.prices.at(evse.tariff_id, started),
            auth_method="AUTH_REQUEST",
            authorized_at=started - self.random.randint(4, 80),
            published_at=max(session.published_at, started + length) + delay(self.random) // 2,
        )

    def _elsewhere(self, session: Session, started: int, ended: int) -> Evse | None:
        for evse in self.random.sample(self.network.evses, 20):
            is_far = kilometres(evse.location, session.evse.location) > _CLONE_KILOMETRES
            if is_far and not evse.is_dc and self.diary.is_plug_free(evse, started, ended):
                return evse
        return None

    def _is_inside(self, started: int, ended: int) -> bool:
        """Tell whether a session lies inside the two months, so that its CDR is out before the month is closed."""
        first, last = self.span
        return first <= started and ended < last
