"""Bars stand where their figures say."""

from datetime import date, timedelta
from decimal import Decimal

from models.billing.documents import WeekEnergy
from reports.charts import nice_step, week_chart


def weeks(*pairs):
    start = date(2026, 9, 28)
    return [
        WeekEnergy(week_start=start + timedelta(weeks=index), ac_kwh=Decimal(ac), dc_kwh=Decimal(dc))
        for index, (ac, dc) in enumerate(pairs)
    ]


def test_heights_are_in_the_proportion_of_the_energy_and_dc_stands_on_ac():
    chart = week_chart(weeks(("50", "50"), ("25", "0")))
    first, second = chart.bars
    assert first.ac_height == first.dc_height == 2 * second.ac_height
    assert (first.ac_y, first.dc_y) == (chart.base - first.ac_height, chart.base - 2 * first.ac_height)
    assert second.dc_height == 0
    assert [first.week, second.week] == [40, 41]


def test_the_scale_reaches_the_tallest_bar_in_round_steps():
    chart = week_chart(weeks(("130", "17")))
    assert [tick.kwh for tick in chart.ticks] == [0, 100, 200]
    assert chart.ticks[-1].y <= chart.bars[0].dc_y


def test_steps_are_one_two_or_five():
    assert [nice_step(least) for least in (0.3, 1.1, 3, 7, 73.5, 101, 500)] == [1, 2, 5, 10, 100, 200, 500]


def test_a_month_without_energy_has_no_chart():
    assert week_chart([]) is None
    assert week_chart(weeks(("0", "0"))) is None
