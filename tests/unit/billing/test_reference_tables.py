"""The reference tables load as typed values, and a broken one is named."""

import itertools
import shutil
from datetime import date
from decimal import Decimal

import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.reference_data import REFERENCE, home_rates, vat_rates

MEMBERS = frozenset(vat_rates().reverse_charge_wording)


def test_every_member_state_has_a_rate_and_a_wording_today():
    rates = vat_rates()
    assert rates.member_states == MEMBERS
    assert len(MEMBERS) == 27
    assert all(rates.standard(country, date(2026, 11, 22)) for country in MEMBERS)


def test_dated_rates_never_overlap():
    for country in MEMBERS:
        spans = sorted(
            (r.valid_from, r.valid_to) for r in vat_rates().rates if (r.country, r.kind) == (country, "standard")
        )
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end == start, country


def test_the_german_flat_value_of_2026_and_an_explicit_unknown():
    (german,) = home_rates().on("DE", "flat", date(2026, 10, 21))
    assert (german.rate_per_kwh, german.text) == (Decimal("0.34"), "DE 2026 0.34 EUR/kWh")
    (belgian,) = home_rates().on("BE", "maximum", date(2026, 10, 21))
    assert belgian.rate_per_kwh is None
    assert len(home_rates().on("BE", "maximum", date(2026, 5, 1))) == 3


def test_a_broken_table_names_file_line_and_column(tmp_path):
    for path in REFERENCE.glob("*.csv"):
        shutil.copy(path, tmp_path)
    rates = tmp_path / "vat_rates_dated.csv"
    rates.write_text(
        rates.read_text(encoding="utf-8").replace("BE,standard,21,", "BE,standard,21 %,"), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r"vat_rates_dated.csv line 3, rate_pct: '21 %' is not a decimal number"):
        vat_rates(tmp_path)
