"""How large a session may be before rating refuses it: inside these bounds 64-bit integers are exact.

The kernel counts volumes in units of 1e-9 and amounts in units of 1e-12, so an amount of 4 million fills half of an
int64. A session beyond a bound is not priced, with a reason, in the kernel and in the reference alike.
"""

from typing import Final

LARGEST_VOLUME: Final = 100_000
"""kWh or hours of one dimension in one session: a megawatt for four days, or eleven years."""

LARGEST_AMOUNT: Final = 4_000_000
"""Sum of the absolute amounts of a session, in units of its currency, and the largest min_price or max_price."""

LARGEST_STEP: Final = 10**9
"""Wh or seconds of a step_size."""

LARGEST_VAT_RATE_PCT: Final = 100

MOST_PERIODS: Final = 90_000
"""Charging periods of one session: sums of that many volumes still fit."""

LONGEST_LOOK_DAYS: Final = 9
"""How far into a period local readings are looked at: by then every weekday has had its turn."""

MOST_MOMENTS: Final = 1_000
"""Combinations of clock, meter and duration looked at per period; beyond, anything that the tariff has is possible."""
