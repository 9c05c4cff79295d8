"""The lint finds what a tariff's author can hardly have meant, and leaves sound tariffs alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from models.ocpi.canonical import PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.contents import tariff_of_content
from models.ocpi.frames import tariff_content
from models.reference.lint import lint_tariff
from models.reference.lint_places import Offered, Shift, dst_windows, foreign_currency, rivals, shifts
from models.types.vocabularies import Dimension

ENERGY, TIME, PARKING = Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME
NIGHT = Restrictions(start_time=time(22), end_time=time(6))
DAY = Restrictions(start_time=time(6), end_time=time(22))
WORKDAYS = frozenset(range(5))
WEEKEND = frozenset({5, 6})


def element(restrictions=Restrictions(), dimension=ENERGY, price="0.50", step=1):  # noqa: B008 - frozen
    return TariffElement((PriceComponent(dimension, Decimal(price), None, step),), restrictions)


def tariff(*elements, **facts):
    return Tariff("DE*LDW", "T1", facts.pop("currency", "EUR"), elements, **facts)


def codes(found):
    return [(str(finding.code), finding.element_index) for finding in lint_tariff(found)]


def first_sentence(found):
    return lint_tariff(found)[0].sentence


@pytest.mark.parametrize(
    "sound",
    [
        tariff(element()),
        tariff(element(NIGHT), element()),
        tariff(element(NIGHT), element(DAY)),
        tariff(element(replace(NIGHT, days_of_week=WORKDAYS)), element(DAY), element()),
        tariff(element(Restrictions(days_of_week=WORKDAYS)), element(Restrictions(days_of_week=WEEKEND))),
        tariff(element(Restrictions(max_kwh=Decimal(20))), element(Restrictions(min_kwh=Decimal(20)))),
        tariff(element(Restrictions(reservation="RESERVATION"), TIME), element()),
        tariff(element(Restrictions(reservation="RESERVATION"), TIME), element(dimension=TIME)),
        tariff(element(), element(dimension=PARKING)),
    ],
)
def test_a_sound_tariff_has_no_findings(sound):
    assert codes(sound) == []


def test_hours_without_a_price_are_named():
    assert codes(tariff(element(NIGHT))) == [("gap", None)]
    assert first_sentence(tariff(element(NIGHT))) == (
        "ENERGY is priced at some moments only: it has no price from 06:00"
    )
    saturday = tariff(element(Restrictions(days_of_week=WORKDAYS)))
    assert first_sentence(saturday).endswith("no price on Saturday")
    by_energy = tariff(
        element(Restrictions(max_kwh=Decimal(20))), element(Restrictions(min_kwh=Decimal(30))), element(DAY)
    )
    assert first_sentence(by_energy).endswith("no price from 20 kWh")


def test_an_element_that_earlier_ones_leave_nothing_is_named():
    assert codes(tariff(element(), element(NIGHT))) == [("never_matches", 1)]
    together = tariff(element(NIGHT), element(DAY), element(Restrictions(days_of_week=WEEKEND)))
    assert codes(together) == [("never_matches", 2)]
    assert codes(tariff(element(), element(NIGHT, TIME), element(dimension=TIME))) == []


def test_of_two_dimensions_only_the_shadowed_one_is_named():
    both = TariffElement(
        (PriceComponent(ENERGY, Decimal(1), None, 1), PriceComponent(TIME, Decimal(1), None, 1)), NIGHT
    )
    found = lint_tariff(tariff(element(), both, element(dimension=TIME)))
    assert [(finding.element_index, finding.component_index) for finding in found] == [(1, 0)]


def test_bounds_between_which_nothing_lies_are_named():
    empty = Restrictions(min_kwh=Decimal(20), max_kwh=Decimal(20))
    assert codes(tariff(element(empty), element())) == [("never_matches", 0), ("bounds_empty", 0)]
    dates = Restrictions(start_date=date(2026, 10, 2), end_date=date(2026, 10, 1))
    assert codes(tariff(element(dates), element())) == [("never_matches", 0), ("bounds_empty", 0)]
    at = datetime(2026, 10, 1, tzinfo=UTC)
    assert codes(tariff(element(), valid_from=at, valid_to=at)) == [("validity_empty", None)]


@pytest.mark.parametrize(
    ("step", "dimension", "code"),
    [
        (0, ENERGY, "step_size_zero"),
        (7, ENERGY, "step_size_odd"),
        (5000, ENERGY, "step_size_odd"),
        (7200, TIME, "step_size_odd"),
        (300, TIME, None),
        (100, ENERGY, None),
        (17, Dimension.FLAT, None),
    ],
)
def test_odd_steps_are_named(step, dimension, code):
    assert codes(tariff(element(dimension=dimension, step=step))) == ([(code, 0)] if code else [])


def test_a_price_of_zero_is_odd_only_beside_a_price():
    assert codes(tariff(element(NIGHT, price="0"), element())) == [("free_besides_priced", 0)]
    assert codes(tariff(element(price="0"))) == []


def test_the_clocks_of_berlin_change_on_sundays_between_two_and_three():
    assert shifts("Europe/Berlin", 2026) == (Shift(6, time(2), time(3)),) * 2
    assert shifts("Asia/Tokyo", 2026) == ()


@pytest.mark.parametrize(
    ("restrictions", "zones", "found"),
    [
        (Restrictions(start_time=time(2, 30), end_time=time(6)), {"Europe/Berlin"}, 1),
        (Restrictions(start_time=time(2), end_time=time(3)), {"Europe/Berlin"}, 1),
        (Restrictions(start_time=time(3), end_time=time(6)), {"Europe/Berlin"}, 0),
        (Restrictions(start_time=time(2, 30), end_time=time(6)), {"Asia/Tokyo"}, 0),
        (Restrictions(start_time=time(2, 30), days_of_week=WORKDAYS), {"Europe/Berlin"}, 0),
    ],
)
def test_a_bound_in_the_doubled_hour_is_named(restrictions, zones, found):
    offered = Offered("v", tariff(element(restrictions)), frozenset(), frozenset(zones))
    assert len(list(dst_windows(offered, 2026))) == found


def test_a_currency_of_another_country_is_named():
    def countries(currency, *names):
        offered = Offered("v", tariff(element(), currency=currency), frozenset(names), frozenset())
        return [finding.sentence for finding in foreign_currency(offered)]

    assert countries("EUR", "CH", "DE", "ZZ") == ["prices are in EUR, connectors in CH use CHF"]
    assert countries("CHF", "CH") == []


def test_two_tariffs_of_one_type_in_force_at_once_are_rivals():
    november = datetime(2026, 11, 1, tzinfo=UTC)

    def offered(number, **facts):
        priced = replace(tariff(element(), **facts), tariff_id=f"T{number}")
        return Offered(f"v{number}", priced, frozenset(), frozenset())

    def found(*listed):
        return [version for version, _ in rivals("C", listed)]

    assert found(offered(1), offered(2)) == ["v1", "v2"]
    assert found(offered(1), offered(2, tariff_type="REGULAR")) == []
    assert found(offered(1, valid_to=november), offered(2, valid_from=november)) == []


def test_a_tariff_survives_the_way_through_its_content():
    full = Restrictions(
        *(time(22), time(6), date(2026, 1, 1), date(2027, 1, 1), Decimal("0.5"), Decimal(20), Decimal(1), Decimal(2)),
        *(Decimal(3), Decimal(4), 60, 3600, WEEKEND, "RESERVATION"),
    )
    at = datetime(2026, 10, 1, tzinfo=UTC)
    whole = tariff(element(full, price="0.123456789", step=100), element(), valid_from=at, tariff_type="REGULAR")
    assert tariff_of_content(tariff_content(whole), "REGULAR") == whole
