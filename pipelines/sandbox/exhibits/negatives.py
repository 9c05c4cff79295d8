"""True sessions that look like a fault, one beside each rule that might take them for one: nothing is to be found."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pipelines.sandbox.clock import DAY, HOUR
from pipelines.sandbox.exhibits.case import AC, FREE, TOD, Case, Workshop
from pipelines.sandbox.exhibits.faults import POTSDAM, at_metered_plug, sign_meter, some_reading
from pipelines.sandbox.physics import Charge


def through_the_autumn_night(shop: Workshop) -> list[Case]:
    """Charge through the night in which the clocks are set back; the price changes at 20:00 and 08:00."""
    day = 20 if shop.autumn_day is None else shop.autumn_day
    return [shop.case(TOD, started=shop.at(day - 1, 23), charge=Charge(40_000, 6 * HOUR, 2 * HOUR))]


def almost_a_day(shop: Workshop) -> list[Case]:
    """Stay 23 hours at an AC plug."""
    return [shop.case(charge=Charge(30_000, 5 * HOUR, 18 * HOUR))]


def two_cards_of_one_group(shop: Workshop) -> list[Case]:
    """Charge two cars at once with two cards of one contract."""
    first = shop.case(charge=Charge(20_000, 2 * HOUR, 0))
    second_card = replace(shop.card(), contract_id=first.session.token.contract_id)
    second = shop.case(started=first.session.started + HOUR, token=second_card)
    second.tokens.append((second_card, True, shop.start - 200 * DAY))
    return [first, second]


def ferry_trip(shop: Workshop) -> list[Case]:
    """Charge in Puttgarden, and an hour later on the other side of the belt, nineteen kilometres away."""
    first = shop.case(evse=shop.plug(AC, shop.site("5", "Puttgarden", 54.503, 11.226)))
    across = shop.plug(AC, shop.site("6", "Gedser", 54.576, 11.925))
    second = shop.case(started=first.session.ended + HOUR, token=first.session.token, evse=across)
    return [first, second]


def charged_offline(shop: Workshop) -> list[Case]:
    """Charge with a card that may charge without asking."""
    whitelist = shop.random.choice(("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE"))
    return [shop.case(auth_method="WHITELIST", whitelist=whitelist)]


def blocked_afterwards(shop: Workshop) -> list[Case]:
    """Block a card the day after it charged."""
    case = shop.case()
    case.tokens.append((case.session.token, False, case.session.ended + DAY))
    return [case]


def started_again(shop: Workshop) -> list[Case]:
    """Start again at once after a charge that failed and cost nothing."""
    plug = shop.plug(FREE)
    failed = shop.case(FREE, charge=Charge(50, 27, 0), evse=plug)
    again = shop.case(FREE, started=failed.session.started + 45, evse=plug, token=failed.session.token)
    return [failed, again]


def a_cent_off(shop: Workshop) -> list[Case]:
    """Claim a cent more than is right."""
    case = shop.case()
    case.claim((case.cdr.total_cost.excl_vat or Decimal(0)) + Decimal("0.0051"))
    return [case]


def at_full_power(shop: Workshop) -> list[Case]:
    """Take all that a plug of 22 kW gives in an hour."""
    return [shop.case(charge=Charge(22_000, HOUR, 0))]


def on_to_the_next_town(shop: Workshop) -> list[Case]:
    """Drive from Berlin to Potsdam in half an hour."""
    first = shop.case()
    second = shop.case(
        started=first.session.ended + HOUR // 2, token=first.session.token, evse=shop.plug(AC, shop.site(*POTSDAM))
    )
    return [first, second]


def one_after_another(shop: Workshop) -> list[Case]:
    """Let one car leave a plug and the next one come in the same minute."""
    first = shop.case()
    return [first, shop.case(started=first.session.ended - 54, evse=first.session.evse)]


def on_the_tenth_day(shop: Workshop) -> list[Case]:
    """Send a CDR nine days after its end."""
    return [shop.case(started=shop.at(shop.random.randrange(3, 30), 12), delay=9 * DAY)]


def eight_a_day(shop: Workshop) -> list[Case]:
    """Charge eight times on one day with one card."""
    card, begin = shop.card(), shop.at(shop.random.randrange(3, 40), 8)
    cases = [shop.case(charge=Charge(2000, 900, 0), started=begin + n * 2700, token=card) for n in range(8)]
    cases[0].tokens.append((card, True, shop.start - 200 * DAY))
    return cases


def signed_by_the_meter(shop: Workshop) -> list[Case]:
    """Send the signed meter values that the agreement asks for."""
    case = at_metered_plug(shop)
    _ = sign_meter(case, some_reading(shop))
    return [case]
