"""Texts of other parties on a page: what cannot be printed is shown as an escape, and what has no end is cut.

A CDR may carry control characters, marks that turn the direction of writing, or an id of a megabyte. Escaping keeps
them from being markup; this keeps them from hiding, reordering or drowning what stands beside them.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 300
"""characters of one text on a page; the JSON beside it has them all"""


MOST_PROSE: Final = 2_000
"""characters of a sentence that our rules or our people wrote around ids of others"""


class Prose(str):
    """A text that may be longer than a name."""

    __slots__ = ()


class Verbatim(str):
    """A text whose line breaks and length are kept."""

    __slots__ = ()


def shown(value: object) -> object:
    """Give what a template writes for a value: texts made harmless, everything else as it is."""
    if isinstance(value, Verbatim):
        return Verbatim("".join(sign if sign in "\n\t" else _visible(sign) for sign in value))
    if type(value) in {str, Prose}:
        text, longest = str(value), MOST_PROSE if isinstance(value, Prose) else LONGEST
        return clipped("".join(map(_visible, text[:longest])), len(text), longest)
    return value


def clipped(text: str, length: int, longest: int) -> str:
    """Give the beginning of a text of some length, and say so where it is not all of it."""
    return text if length <= longest else f"{text}… ({length:,} characters)"


def _visible(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if unicodedata.category(sign) == "Zs" else f"\\u{ord(sign):04x}"
