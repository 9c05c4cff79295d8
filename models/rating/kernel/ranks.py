"""The order in which the components of a slot are tried: every version's first, then every version's second, and on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.rating.kernel.exact import Ints

if TYPE_CHECKING:
    from models.rating.kernel.rulebook import Components


@dataclass(frozen=True, slots=True)
class Rank:
    """What restricts the components at one place of the order: often little of what occurs in the book."""

    kinds: frozenset[str]
    """the kinds of restriction that some of them have"""
    is_restricted: bool
    """whether all of them have some"""


def ranks_of(first: Ints, count: Ints, laid: Components) -> list[Rank]:
    """Lay out the ranks of a slot, given where the components of each version begin and how many there are."""
    return [_rank(first[count > place] + place, laid) for place in range(int(count.max(initial=0)))]


def _rank(components: Ints, laid: Components) -> Rank:
    return Rank(
        frozenset(kind for kind, flags in laid.is_restricted_by.items() if flags[components].any()),
        bool(laid.is_restricted[components].all()),
    )
