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


LONG_DAY = Restrictions(start_time=time(8), end_time=time(20))
LONG_NIGHT = Restrictions(start_time=time(18), end_time=time(8))
UP_TO_20 = Restrictions(max_kwh=Decimal(20))
FROM_10 = Restrictions(min_kwh=Decimal("10.0"))


@pytest.mark.parametrize(
    ("first", "later", "when"),
    [
        (LONG_DAY, LONG_NIGHT, "from 18:00 to 20:00"),
        (UP_TO_20, FROM_10, "from 10 to below 20 kWh"),
        (UP_TO_20, Restrictions(days_of_week=WEEKEND), "on Saturday and Sunday, below 20 kWh"),
        (LONG_NIGHT, NIGHT, None),
        (NIGHT, LONG_NIGHT, "from 22:00 to 06:00"),
        (NIGHT, Restrictions(start_time=time(4), end_time=time(23)), "from 04:00 to 06:00 and from 22:00 to 23:00"),
        (NIGHT, Restrictions(start_time=time(12)), "from 22:00 to 24:00"),
        (NIGHT, FROM_10, "from 22:00 to 06:00, from 10 kWh"),
        (
            Restrictions(start_date=date(2026, 10, 1), end_date=date(2027, 1, 1), min_power_kw=Decimal(50)),
            Restrictions(start_date=date(2026, 12, 24), max_duration_seconds=3600, min_current_a=Decimal(16)),
            "from 2026-12-24 to before 2027-01-01, from 16 A, from 50 kW, below 3600 s",
        ),
        (Restrictions(start_date=date(2026, 10, 1)), Restrictions(end_date=date(2026, 10, 1)), None),
        (DAY, NIGHT, None),
        (DAY, Restrictions(), None),
        (DAY, Restrictions(min_kwh=Decimal(0)), None),
        (DAY, Restrictions(days_of_week=WORKDAYS | WEEKEND), None),
        (replace(DAY, days_of_week=WORKDAYS), replace(DAY, days_of_week=WEEKEND), None),
    ],
)
def test_two_restricted_elements_that_match_at_once_are_named_with_when(first, later, when):
    found = lint_tariff(tariff(element(first, price="0.30"), element(later, price="0.20"), element(price="0.50")))
    said = [(str(each.severity), each.element_index, each.sentence) for each in found if each.code == "overlap"]
    sentence = (
        f"ENERGY has two prices {when}: 0.3 EUR of element 0, which comes first and counts, and 0.2 EUR of element 1"
    )
    assert said == ([("hint", 1, sentence)] if when else [])


def test_an_overlap_of_equal_prices_or_of_other_dimensions_changes_nothing():
    assert codes(tariff(element(LONG_DAY), element(LONG_NIGHT))) == []
    apart = tariff(element(LONG_DAY), element(LONG_NIGHT, TIME, "2"), element(), element(dimension=TIME))
    assert codes(apart) == []
    reserved = replace(LONG_NIGHT, reservation="RESERVATION")
    kinds = tariff(element(LONG_DAY, TIME), element(reserved, TIME, "2"), element(dimension=TIME))
    assert codes(kinds) == []


def test_what_never_matches_does_not_overlap_as_well():
    inside = tariff(element(LONG_NIGHT), element(NIGHT, price="0.20"), element())
    assert codes(inside) == [("never_matches", 1)]
    empty = Restrictions(min_kwh=Decimal(20), max_kwh=Decimal(20))
    assert codes(tariff(element(empty), element(UP_TO_20, price="0.20"), element())) == [
        ("never_matches", 0),
        ("bounds_empty", 0),
    ]
    together = tariff(element(DAY), element(NIGHT, price="0.40"), element(UP_TO_20, price="0.20"))
    assert codes(together) == [("never_matches", 2)]


def test_only_what_prices_a_moment_overlaps_there():
    """The second and the third element share evenings only, and those belong to the first."""
    evening = Restrictions(start_time=time(18), end_time=time(20))
    found = tariff(element(evening), element(LONG_DAY, price="0.30"), element(LONG_NIGHT, price="0.20"))
    shared = [finding.sentence for finding in lint_tariff(found)]
    assert [sentence.partition(":")[0] for sentence in shared] == ["ENERGY has two prices from 18"] * 2
    assert all("of element 0, which comes first" in sentence for sentence in shared)


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
