"""Lists of values, one per tariff version: the times, volumes and durations at which a tariff can change its price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.rating.kernel.exact import Ints


@dataclass(frozen=True, slots=True)
class Levels:
    """Sorted, distinct values of every version: `values[first[v] : first[v] + count[v]]`."""

    first: Ints
    count: Ints
    values: Ints

    @property
    def most(self) -> int:
        """Give the length of the longest list."""
        return int(self.count.max()) if len(self.count) else 0

    def nth(self, version: Ints, rank: int) -> Ints:
        """Give one value of each version, which must have more than `rank`."""
        return self.values[self.first[version] + rank]


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
