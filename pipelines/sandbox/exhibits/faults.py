"""One fault per rule: what is done to an honest case, and which rules must and may find it then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from models.ocpi.canonical import Price
from pipelines.sandbox.clock import DAY, HOUR, instant
from pipelines.sandbox.exhibits.case import AC, DC, DUTCH, FEE, METERED, METERING_PARTY, Case, Workshop
from pipelines.sandbox.identifiers import NEVER_ISSUED, emaid, token_uid
from pipelines.sandbox.people import Token
from pipelines.sandbox.physics import Charge

MUNICH = ("2", "Munich", 48.137, 11.575)
POTSDAM = ("3", "Potsdam", 52.4, 13.06)


def alone(case: Case, *must: str, may: tuple[str, ...] = ()) -> list[Case]:
    """Say which rules must and may find a case."""
    case.must.update(must)
    case.may.update(may)
    return [case]


def beside(witnesses: list[Case], case: Case, *must: str, may: tuple[str, ...] = ()) -> list[Case]:
    """Say which rules must and may find a case, and that the others beside it are honest."""
    for witness in witnesses:
        witness.is_exhibit = False
    return [*witnesses, *alone(case, *must, may=may)]


def changed_body(shop: Workshop) -> list[Case]:
    """Send another body under the same id, some hours later."""
    case = shop.case()
    plant_changed_body(shop, case)
    return [case]


def plant_changed_body(_: Workshop, case: Case) -> None:
    """Do the same to a case that is there."""
    total = Price(Decimal("9.9900"), Decimal("11.8881"))
    claim = replace(case.published.claim, published_at=case.published.claim.published_at + 5 * HOUR)
    case.other_bodies.append(replace(case.published, claim=claim, cdr=replace(case.cdr, total_cost=total)))
    case.must.add("R01")


def session_twice(shop: Workshop) -> list[Case]:
    """Claim a session twice, word for word but for the id."""
    case = shop.case()
    return beside([case], shop.copy(case, 4 * HOUR), "R02", "R03", "R18")


def session_twice_otherwise(shop: Workshop) -> list[Case]:
    """Give the same session id to another session of the same card."""
    first = shop.case()
    second = shop.case(started=first.session.started + 5 * HOUR, evse=first.session.evse, token=first.session.token)
    second.change(session_id=first.cdr.session_id)
    second.has_session = False
    return beside([first], second, "R02")


def duplicate_under_new_id(shop: Workshop) -> list[Case]:
    """Tell a session again under a new id and a new session id."""
    case = shop.case()
    copy = shop.copy(case, 4 * HOUR, session_id=f"{case.cdr.session_id}-R")
    return beside([case], copy, "R03", "R18")


def ends_before_start(shop: Workshop) -> list[Case]:
    """End a quarter of an hour before the start."""
    case = shop.case()
    case.change(ended_at=instant(case.session.started - HOUR // 4))
    return alone(case, "R04", "R23")


def in_the_future(shop: Workshop) -> list[Case]:
    """End two hours after it is received."""
    return alone(shop.case(started=(shop.seen_at + HOUR) // 9 * 9, delay=1), "R05")


def too_long(shop: Workshop) -> list[Case]:
    """Stay thirty hours at an AC plug, or eight at a DC one."""
    if shop.random.random() < 0.5:
        return alone(shop.case(charge=Charge(30_000, 5 * HOUR, 25 * HOUR)), "R06")
    plug = shop.plug(DC, power_kw=150)
    return alone(shop.case(DC, evse=plug, charge=Charge(60_000, HOUR, 7 * HOUR)), "R06")


def too_small(shop: Workshop) -> list[Case]:
    """Bill ninety seconds, or a tenth of a kWh."""
    charge = Charge(500, 90, 0) if shop.random.random() < 0.5 else Charge(100, 1800, 0)
    return alone(shop.case(charge=charge), "R07", may=("R37",))


def no_energy(shop: Workshop) -> list[Case]:
    """Bill the start fee of a session without energy."""
    return alone(shop.case(FEE, charge=Charge(0, 1800, 0)), "R07", "R08")


def negative(shop: Workshop) -> list[Case]:
    """Claim a negative total, or negative parking."""
    case = shop.case()
    if shop.random.random() < 0.5:
        case.claim(-(case.cdr.total_cost.excl_vat or Decimal(0)))
        return alone(case, "R09", "R21")
    case.change(total_parking_hours=Decimal("-0.5"))
    return alone(case, "R09")


def above_power(shop: Workshop) -> list[Case]:
    """Claim 130 %, or 102 %, of what a plug of 22 kW gives in an hour."""
    share = 1.3 if shop.random.random() < 0.5 else 1.02
    return alone(shop.case(charge=Charge(int(22_000 * share), HOUR, 0)), "R10")


def periods_do_not_add_up(shop: Workshop) -> list[Case]:
    """Say half a kWh more in total than in the periods."""
    case = shop.case()
    plant_periods_do_not_add_up(shop, case)
    return [case]


def plant_periods_do_not_add_up(_: Workshop, case: Case) -> None:
    """Do the same to a case that is there."""
    case.change(total_energy_kwh=case.cdr.total_energy_kwh + Decimal("0.5"))
    case.must.add("R11")


def periods_out_of_place(shop: Workshop) -> list[Case]:
    """Begin the first period twenty minutes late, or list periods backwards."""
    case = shop.case(charge=Charge(9000, HOUR, HOUR))
    if shop.random.random() < 0.5:
        case.change(periods=tuple(reversed(case.cdr.periods)))
    else:
        first = replace(case.cdr.periods[0], started_at=instant(case.session.started + HOUR // 3))
        case.change(periods=(first, *case.cdr.periods[1:]))
    return alone(case, "R12")


def meter_runs_backwards(shop: Workshop) -> list[Case]:
    """Start a meter two kWh below where the session before it on the plug left it."""
    first = shop.case()
    second = shop.case(started=first.session.ended + HOUR // 9 * 9, evse=first.session.evse)
    left = sign_meter(first, some_reading(shop))
    _ = sign_meter(second, left - 2)
    return beside([first], second, "R13")


def signed_values_missing(shop: Workshop) -> list[Case]:
    """Send no signed meter values although the agreement asks for them."""
    return alone(at_metered_plug(shop), "R36")


def at_metered_plug(shop: Workshop) -> Case:
    """Charge at a CPO whose agreement asks for signed meter values; there are none yet."""
    site = shop.site("9", "Hannover", 52.375, 9.732, party_id=METERING_PARTY)
    return shop.case(METERED, evse=shop.plug(METERED, site))


def some_reading(shop: Workshop) -> Decimal:
    """Draw what a meter that has been up for some time may show, in kWh."""
    return Decimal(shop.random.randrange(1_000_000, 9_000_000)).scaleb(-3)


def sign_meter(case: Case, start: Decimal) -> Decimal:
    """Let the meter of a case say where it started, and where it then ended; give the latter."""
    end = start + case.cdr.total_energy_kwh
    case.change(has_signed_values=True, meter_start_kwh=start, meter_end_kwh=end)
    return end


def overlap_on_evse(shop: Workshop) -> list[Case]:
    """Let two cards charge at one plug at once."""
    first = shop.case()
    second = shop.case(started=first.session.started + HOUR // 2 // 9 * 9, evse=first.session.evse)
    return beside([first], second, "R14")


def overlap_on_token(shop: Workshop) -> list[Case]:
    """Let a card charge in Munich while it charges in Berlin, or at the plug beside it."""
    first = shop.case(charge=Charge(20_000, 2 * HOUR, 0))
    site = shop.site(*MUNICH) if shop.random.random() < 0.7 else first.session.evse.location
    second = shop.case(started=first.session.started + HOUR, token=first.session.token, evse=shop.plug(AC, site))
    return beside([first], second, "R15")


def impossible_travel(shop: Workshop) -> list[Case]:
    """Start in Munich soon after an end in Berlin: too soon for a car, or even for a plane."""
    first = shop.case()
    pause = shop.random.choice((9 * 60, 2 * HOUR))
    second = shop.case(
        started=first.session.ended + pause, token=first.session.token, evse=shop.plug(AC, shop.site(*MUNICH))
    )
    return beside([first], second, "R16")


def too_many_a_day(shop: Workshop) -> list[Case]:
    """Charge nine times on one day with one card."""
    card, day = shop.card(), shop.random.randrange(3, 40)
    begin = shop.at(day, 8)
    cases = [shop.case(charge=Charge(2000, 900, 0), started=begin + number * 2700, token=card) for number in range(9)]
    cases[0].tokens.append((card, True, shop.start - 200 * DAY))
    return beside(cases[:-1], cases[-1], "R17")


def no_authorization(shop: Workshop) -> list[Case]:
    """Leave no trace in our log; or say that a card charged offline that must never."""
    if shop.random.random() < 0.5:
        return alone(shop.case(auth_method="WHITELIST", whitelist="NEVER"), "R18")
    case = shop.case()
    case.authorizations.clear()
    return alone(case, "R18")


def unknown_or_blocked_token(shop: Workshop) -> list[Case]:
    """Charge with a card that was never issued, or that was blocked before."""
    case = shop.case()
    if shop.random.random() < 0.5:
        stranger = Token(token_uid(shop.random), "RFID", emaid(NEVER_ISSUED + shop.random.randrange(10**6)), "NEVER")
        case.resession(token=stranger)
        case.authorizations.clear()
        case.tokens.clear()
        return alone(case, "R18", "R19")
    case.tokens.append((case.session.token, False, case.session.started - DAY))
    return alone(case, "R19")


def contract_of_another(shop: Workshop) -> list[Case]:
    """Name the contract of another card."""
    case = shop.case()
    plant_contract_of_another(shop, case)
    return [case]


def plant_contract_of_another(shop: Workshop, case: Case) -> None:
    """Do the same to a case that is there."""
    other = shop.card()
    case.tokens.append((other, True, shop.start - 200 * DAY))
    case.resession(token=replace(case.session.token, contract_id=other.contract_id))
    case.must.add("R20")


def wrong_total(shop: Workshop) -> list[Case]:
    """Claim ten per cent too much."""
    case = shop.case()
    plant_wrong_total(shop, case)
    return [case]


def plant_wrong_total(_: Workshop, case: Case) -> None:
    """Do the same to a case that is there."""
    case.claim((case.cdr.total_cost.excl_vat or Decimal(0)) * Decimal("1.1"))
    case.must.add("R21")


def late(shop: Workshop) -> list[Case]:
    """Send a CDR three weeks late, or a hundred days."""
    if shop.random.random() < 0.5:
        return alone(shop.case(started=shop.at(shop.random.randrange(3, 20), 12), delay=21 * DAY), "R30")
    return alone(shop.case(started=shop.at(-80 + shop.random.randrange(20), 12), delay=100 * DAY), "R30")


def missing_cdr(shop: Workshop) -> list[Case]:
    """Never send the CDR of a finished session."""
    case = shop.case()
    case.is_sent = False
    return alone(case, "R31")


def odd_country(shop: Workshop) -> list[Case]:
    """Charge at a plug abroad of a German party."""
    plug = shop.plug(DUTCH, shop.site("4", "Venlo", 51.37, 6.17, "NL"))
    return alone(shop.case(DUTCH, evse=plug), "R34")


def odd_connector(shop: Workshop) -> list[Case]:
    """Charge at an AC plug of sixty kilowatts."""
    return alone(shop.case(evse=shop.plug(AC, power_kw=60)), "R35")


def home_that_is_none(shop: Workshop) -> list[Case]:
    """Call a public plug a driver's home."""
    case = shop.case()
    plant_home_that_is_none(shop, case)
    return [case]


def plant_home_that_is_none(_: Workshop, case: Case) -> None:
    """Do the same to a case that is there."""
    case.change(is_home_charging=True)
    case.must.add("R38")


def plant_no_authorization(_: Workshop, case: Case) -> None:
    """Leave no trace of a case in our log."""
    case.authorizations.clear()
    case.must.add("R18")


TOGETHER: tuple[Callable[[Workshop, Case], None], ...] = (
    plant_periods_do_not_add_up,
    plant_wrong_total,
    plant_home_that_is_none,
    plant_contract_of_another,
    plant_no_authorization,
)
"""faults that leave each other alone, and so can be planted into one CDR"""
