"""How many exhibits of each kind there are, and what they come to: records to be served, and their truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import chain
from random import Random

from models.types.time import BillingMonth
from pipelines.sandbox.clock import COMPANY_ZONE, DAY, HOUR, month_bounds, zone_changes
from pipelines.sandbox.exhibits import credit_cdrs, faults, negatives, price_faults
from pipelines.sandbox.exhibits.case import Case, Workshop, published_prices
from pipelines.sandbox.people import Token
from pipelines.sandbox.places import Evse
from pipelines.sandbox.prices import PriceList
from pipelines.sandbox.published import Authorization, PublishedCdr

Fault = Callable[[Workshop], list[Case]]

FAULTS: dict[str, tuple[Fault, ...]] = {
    "R01": (faults.changed_body,),
    "R02": (faults.session_twice, faults.session_twice_otherwise),
    "R03": (faults.duplicate_under_new_id,),
    "R04": (faults.ends_before_start,),
    "R05": (faults.in_the_future,),
    "R06": (faults.too_long,),
    "R07": (faults.too_small,),
    "R08": (faults.no_energy,),
    "R09": (faults.negative,),
    "R10": (faults.above_power,),
    "R11": (faults.periods_do_not_add_up,),
    "R12": (faults.periods_out_of_place,),
    "R13": (faults.meter_runs_backwards,),
    "R14": (faults.overlap_on_evse,),
    "R15": (faults.overlap_on_token,),
    "R16": (faults.impossible_travel,),
    "R17": (faults.too_many_a_day,),
    "R18": (faults.no_authorization,),
    "R19": (faults.unknown_or_blocked_token,),
    "R20": (faults.contract_of_another,),
    "R21": (faults.wrong_total,),
    "R22": (price_faults.wrong_tariff,),
    "R23": (price_faults.no_tariff,),
    "R24": (price_faults.wrong_currency,),
    "R25": (price_faults.spans_price_change,),
    "R26": (price_faults.wrong_time_of_day,),
    "R27": (price_faults.doubled_hour,),
    "R28": (price_faults.step_per_period,),
    "R29": (price_faults.wrong_vat,),
    "R30": (faults.late,),
    "R31": (faults.missing_cdr,),
    "R32": (credit_cdrs.odd_credit,),
    "R33": (credit_cdrs.credit_alone,),
    "R34": (faults.odd_country,),
    "R35": (faults.odd_connector,),
    "R36": (faults.signed_values_missing,),
    "R37": (price_faults.dear,),
    "R38": (faults.home_that_is_none,),
}
"""faults by the rule that must find them"""

NEGATIVES: tuple[Fault, ...] = (
    credit_cdrs.credit_and_replacement,
    negatives.through_the_autumn_night,
    negatives.almost_a_day,
    negatives.two_cards_of_one_group,
    negatives.ferry_trip,
    negatives.charged_offline,
    negatives.blocked_afterwards,
    negatives.started_again,
    negatives.a_cent_off,
    negatives.at_full_power,
    negatives.on_to_the_next_town,
    negatives.one_after_another,
    negatives.on_the_tenth_day,
    negatives.eight_a_day,
    negatives.signed_by_the_meter,
)

ALL_RULES: Mapping[str, int] = dict.fromkeys(FAULTS, 3) | {"combined": 6, "negatives": 2}
"""three exhibits of every rule, six CDRs with several faults, two of every true session"""


_SEEN_AFTER = 4 * DAY + 5 * HOUR
"""when everything is pulled, after the end of the second month"""


@dataclass(frozen=True)
class RuleTruth:
    """One row per CDR of an exhibit, or per session whose CDR never comes."""

    cdr_key: str
    must_fire: frozenset[str]
    may_fire: frozenset[str]
    """rules that follow from the fault, or not; every other one must not fire"""


@dataclass(frozen=True)
class Exhibits:
    """What the servers serve beside the world, and what is true of it."""

    cdrs: tuple[PublishedCdr, ...] = ()
    sessions: tuple[PublishedCdr, ...] = ()
    tokens: tuple[tuple[Token, bool, int], ...] = ()
    """versions of cards: whether valid, and from when"""
    evses: tuple[Evse, ...] = ()
    prices: tuple[PriceList, ...] = ()
    authorizations: tuple[Authorization, ...] = ()
    truth: tuple[RuleTruth, ...] = ()


class CountError(ValueError):
    """Raised where exhibits of an unknown kind are asked for, or no number of them."""


def read_counts(text: str) -> dict[str, int]:
    """Read how many exhibits of each kind are wanted: `R21=5,combined=4`, `all`, or nothing.

    Raises:
        CountError: on an unknown kind or something that is no number; the message names it.
    """
    if text == "all":
        return dict(ALL_RULES)
    counts: dict[str, int] = {}
    for pair in filter(None, text.split(",")):
        kind, _, count = pair.partition("=")
        if kind not in ALL_RULES or not count.isdecimal():
            msg = f"expected KIND=NUMBER with one of {', '.join(ALL_RULES)}, found {pair!r}"
            raise CountError(msg)
        counts[kind] = int(count)
    return counts


def build_exhibits(counts: Mapping[str, int], random: Random, month: BillingMonth, series: str = "") -> Exhibits:
    """Make exhibits, so many of each kind as `counts` says.

    Args:
        counts: by rule id, and `combined` and `negatives`; see `ALL_RULES`.
        random: the stream of chance.
        month: the second of the two months.
        series: a letter that tells the exhibits of several seeds apart where they are put together.
    """
    start, end = month_bounds(month.previous)[0], month_bounds(month)[1]
    shop = Workshop(random, start, end, end + _SEEN_AFTER, series, _autumn_day(start, end))
    cases = [case for kind, count in counts.items() for case in _of_kind(kind, count, shop)]
    return Exhibits(
        cdrs=tuple(body for case in cases if case.is_sent for body in (case.published, *case.other_bodies)),
        sessions=tuple(case.published for case in cases if case.has_session),
        tokens=tuple(version for case in cases for version in case.tokens),
        evses=tuple(shop.evses),
        prices=tuple(published_prices(start)),
        authorizations=_numbered([each for case in cases for each in case.authorizations]),
        truth=tuple(RuleTruth(case.published.cdr_key, frozenset(case.must), frozenset(case.may)) for case in cases),
    )


def together(parts: Iterable[Exhibits]) -> Exhibits:
    """Put the exhibits of several series together; their price lists and sites are the same."""
    several = list(parts)
    rows = {
        each.name: tuple(chain.from_iterable(getattr(part, each.name) for part in several)) for each in fields(Exhibits)
    }
    joined = Exhibits(**rows)
    return replace(joined, prices=several[0].prices, authorizations=_numbered(list(joined.authorizations)))


def _of_kind(kind: str, count: int, shop: Workshop) -> list[Case]:
    if kind == "negatives":
        return [case for make in NEGATIVES for _ in range(count) for case in make(shop)]
    if kind == "combined":
        return [case for _ in range(count) for case in _combined(shop)]
    return [case for number in range(count) for case in FAULTS[kind][number % len(FAULTS[kind])](shop)]


def _combined(shop: Workshop) -> list[Case]:
    """Plant two or three faults into one CDR, such as leave each other alone."""
    case = shop.case()
    for plant in shop.random.sample(faults.TOGETHER, shop.random.randint(2, 3)):
        plant(shop, case)
    return [case]


def _autumn_day(start: int, end: int) -> int | None:
    """Give the day, counted from the start, on which the clocks are set back; None where they are not."""
    changes = zone_changes(start, end, COMPANY_ZONE)
    return (changes[0] - start) // DAY if changes else None


def _numbered(rows: list[Authorization]) -> tuple[Authorization, ...]:
    ordered = sorted(rows, key=lambda row: (row.at, row.reference))
    return tuple(replace(row, authorization_id=f"X{number:07d}") for number, row in enumerate(ordered, start=1))
