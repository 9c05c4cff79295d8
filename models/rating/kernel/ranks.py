"""The order in which the components of a slot are tried: every version's first, then every version's second, and on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.rating.kernel.exact import Flags, Ints

if TYPE_CHECKING:
    from models.rating.kernel.rulebook import Components


@dataclass(frozen=True, slots=True)
class Rank:
    """What is tried at one place of the order in which a slot's components are: at most one of each version."""

    component: Ints
    """per version, 0 where it has no more"""
    exists: Flags
    """per version"""
    goes_on: Flags
    """per version: whether there is a next"""
    kinds: frozenset[str]
    """the kinds of restriction that these components have; often few of the book's"""
    is_restricted: bool
    """whether all of them have some"""


def ranks_of(first: Ints, count: Ints, laid: Components) -> list[Rank]:
    """Lay out the ranks of a slot, given where the components of each version begin and how many there are."""
    return [
        _rank(np.where(count > rank, first + rank, 0), count - rank, laid) for rank in range(int(count.max(initial=0)))
    ]


def _rank(component: Ints, left: Ints, laid: Components) -> Rank:
    used = component[left > 0]
    return Rank(
        component,
        exists=left > 0,
        goes_on=left > 1,
        kinds=frozenset(kind for kind, flags in laid.is_restricted_by.items() if flags[used].any()),
        is_restricted=bool(laid.is_restricted[used].all()),
    )
