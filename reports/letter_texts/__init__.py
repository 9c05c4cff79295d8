"""The words of the letters about disputes: one TOML file a language, each of them complete or refused."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

_FOLDER: Final = Path(__file__).parent


class LetterText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one language. Braces name what is filled in."""

    locale: str
    """of CLDR, for figures and days"""
    subject: str
    greeting: str
    intro: str
    sums: str
    sum_line: str
    unknown_amounts: str
    cases: str
    unknown: str
    amounts_note: str
    attachment: str
    request: str
    consequence: str
    closing: str
    regards: str
    labels: LetterLabels
    units: dict[str, str]
    """units of findings that are words"""
    rules: dict[str, str]
    """one sentence a rule, by its id"""


class LetterLabels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands before a figure."""

    cdr: str
    session: str
    start: str
    evse: str
    claimed: str
    recomputed: str
    at_stake: str
    held: str
    answer_by: str
    answer_within: str
    reasons: str
    measured: str
    permitted: str
    distance: str
    between: str
    other: str
    energy: str
    time: str
    parking: str
    fixed: str
    reservation: str


@lru_cache
def letter_text(language: str) -> LetterText:
    """Give the words of a language.

    Raises:
        FileNotFoundError: for a language without words.
        msgspec.ValidationError: where a file lacks a text, or has one that nobody uses.
    """
    return msgspec.toml.decode((_FOLDER / f"{language}.toml").read_bytes(), type=LetterText)
