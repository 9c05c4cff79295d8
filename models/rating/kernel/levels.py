"""Lists of values, one per tariff version: the times, volumes and durations at which a tariff can change its price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.exact import Ints

NO_LEVEL: Final = np.iinfo(np.int64).max
_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class Levels:
    """Sorted, distinct values of every version: `values[first[v] : first[v] + count[v]]`."""

    first: Ints
    count: Ints
    values: Ints

    def each(self, version: Ints) -> Iterator[tuple[slice | Ints, Ints]]:
        """Go through the levels of some versions by rank: which rows have one of that rank, and it.

        The first few come for all rows at once, `NO_LEVEL` where there is none: that is quicker than choosing rows.
        """
        most = int(self.count.max(initial=0))
        for rank in range(min(most, _AT_ONCE)):
            has = self.count > rank
            level = np.where(has, self.values[np.where(has, self.first + rank, 0)], NO_LEVEL)
            yield slice(None), level[version]
        rows = np.flatnonzero(self.count[version] > _AT_ONCE)
        for rank in range(_AT_ONCE, most):
            rows = rows[self.count[version[rows]] > rank]
            yield rows, self.values[self.first[version[rows]] + rank]


def levels_of(parts: list[tuple[Ints, Ints]], n_versions: int) -> Levels:
    """Collect pairs of version and value."""
    version = np.concatenate([part[0] for part in parts])
    value = np.concatenate([part[1] for part in parts])
    order = np.lexsort((value, version))
    version, value = version[order], value[order]
    new = np.ones(len(version), dtype=np.bool_)
    new[1:] = (version[1:] != version[:-1]) | (value[1:] != value[:-1])
    count = np.bincount(version[new], minlength=n_versions).astype(np.int64)
    return Levels(np.cumsum(count) - count, count, value[new])
