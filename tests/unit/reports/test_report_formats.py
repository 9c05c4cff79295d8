"""Figures are shown with every digit they have, in the reader's language."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from reports.formats import Formats, in_fours

GERMAN, BRITISH, DUTCH, FRENCH = (Formats(name) for name in ("de_DE", "en_GB", "nl_NL", "fr_FR"))


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        (GERMAN, "1.234,50\N{NO-BREAK SPACE}€"),
        (BRITISH, "€1,234.50"),
        (DUTCH, "€\N{NO-BREAK SPACE}1.234,50"),
        (FRENCH, "1\N{NARROW NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}€"),
    ],
)
def test_money(formats, expected):
    assert formats.money(Decimal("1234.50"), "EUR") == expected


def test_energy_has_three_decimals_and_all_that_the_meter_gave():
    assert GERMAN.energy(Decimal("18.250000000")) == "18,250"
    assert GERMAN.energy(Decimal("2237.7191")) == "2.237,7191"
    assert BRITISH.energy(Decimal(7)) == "7.000"


def test_unit_prices_keep_all_digits_and_two_at_least():
    assert BRITISH.price(Decimal("0.590000000"), "EUR") == "€0.59"
    assert BRITISH.price(Decimal("0.3495"), "EUR") == "€0.3495"
    assert BRITISH.price(Decimal(3), "EUR") == "€3.00"


def test_rates_are_given_in_percent():
    assert GERMAN.percent(Decimal("19.0000")) == "19\N{NO-BREAK SPACE}%"
    assert BRITISH.percent(Decimal("25.5")) == "25.5%"


def test_hours_of_whole_seconds_read_as_durations_and_others_as_they_are():
    assert BRITISH.volume(Decimal("1.333333333"), "h") == "1:20 h"
    assert BRITISH.volume(Decimal("0.000277778"), "h") == "0:00:01 h"
    assert BRITISH.volume(Decimal("1.33339"), "h") == "1.33339 h"
    assert BRITISH.volume(Decimal("18.25"), "kWh") == "18.250 kWh"


def test_a_session_over_midnight_says_so():
    span = GERMAN.clock_span(datetime(2026, 10, 3, 22, 40), datetime(2026, 10, 4, 6, 15))  # noqa: DTZ001 - wall time
    assert span == "22:40\N{EN DASH}06:15 +1"


def test_days_months_and_countries():
    assert GERMAN.day(date(2026, 10, 31)) == "31.10.2026"
    assert [each.month_in_a_sentence("2026-10") for each in (GERMAN, FRENCH)] == ["Oktober 2026", "octobre 2026"]
    assert [each.month("2026-10") for each in (GERMAN, BRITISH, FRENCH)] == [
        "Oktober 2026",
        "October 2026",
        "Octobre 2026",
    ]
    assert DUTCH.countries(("DE", "XX")) == "Duitsland, XX"


def test_account_numbers_and_references_read_in_fours():
    assert in_fours("DE89370400440532013000") == "DE89 3704 0044 0532 0130 00"
    assert in_fours("RF18 5390 0754 7034") == "RF18 5390 0754 7034"
