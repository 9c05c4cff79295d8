"""Telling at once that none of some texts is in a page, which is nearly always so.

To look for one text after the other costs more than to fetch the page from a peer nearby. But whatever is 15 bytes long
covers one whole word of 8 bytes, wherever it begins: so every word of the page is looked up, once, among the words that
those texts can give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

_WORD: Final = np.dtype("<u8")
SHORTEST: Final = 2 * _WORD.itemsize - 1
"""bytes of a text that covers a whole word"""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""odd, and without a pattern (2 to the power of 64 by the golden ratio): products of like words differ where we look"""
_BITS: Final = 16
_SHIFT: Final = np.uint64(8 * _WORD.itemsize - _BITS)

_Words = np.ndarray[tuple[int], np.dtype[np.uint64]]
_Slots = np.ndarray[tuple[int], np.dtype[np.int64]]


class Sieve:
    """Some texts, each of `SHORTEST` bytes or more."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        """Note every word that one of the texts may cover."""
        starts = range(_WORD.itemsize)
        self._words = {int(_words_of(text[start:])[0]) for text in texts for start in starts}
        self._is_taken = np.zeros(1 << _BITS, dtype=np.bool_)
        self._is_taken[_slots(np.array(list(self._words), dtype=_WORD))] = True

    def may_hold(self, content: bytes) -> bool:
        """Tell whether one of the texts may be there; where it says no, none is."""
        words = _words_of(content)
        alike = words[self._is_taken.take(_slots(words))]
        return not self._words.isdisjoint(alike.tolist())


def _words_of(content: bytes) -> _Words:
    return np.frombuffer(content, dtype=_WORD, count=len(content) // _WORD.itemsize)


def _slots(words: _Words) -> _Slots:
    """Give the place of words in a table: the highest bits of a product, which depend on all bits of a word."""
    return (words * _SPREAD >> _SHIFT).view(np.int64)
