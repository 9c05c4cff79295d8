"""What a CPO is told about its live cases of a period: the figures of a letter, without any words.

A letter says nothing about customers: no token, no contract, no reason that a person of ours wrote. Of the CDRs that a
finding compares, only the recipient's own are named; another operator's would tell where else a driver charges.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from models.reconciliation.cases import CaseState

Row: TypeAlias = Mapping[str, Any]

_SPOKEN: Final = {
    "de": ("AT", "CH", "DE", "LI"),
    "fr": ("FR", "LU", "MC"),
    "nl": ("BE", "NL"),
    "it": ("IT", "SM", "VA"),
    "es": ("AD", "ES"),
    "pl": ("PL",),
    "sv": ("SE",),
    "da": ("DK",),
    "en": ("GB", "IE", "MT"),
}
"""the language most spoken in a country, for CPOs whose agreement names none of ours"""
LANGUAGES: Final = tuple(_SPOKEN)
_OF_COUNTRY: Final = {country: language for language, countries in _SPOKEN.items() for country in countries}
_PARTS: Final = ("energy", "time", "parking", "fixed", "reservation")


@dataclass(frozen=True, slots=True)
class LetterReason:
    """One rule that a CDR breaks, with the figures of its finding; all None where the last run found it no more."""

    rule_id: str
    measured: Decimal | None = None
    permitted: Decimal | None = None
    unit: str | None = None
    distance_km: Decimal | None = None
    seconds_between: int | None = None
    other_cdr_key: str | None = None
    """of the same CPO"""
    differences: tuple[tuple[str, Decimal], ...] = ()
    """claimed minus recomputed by sub-total, excl. VAT, where it is not zero"""


@dataclass(frozen=True, slots=True)
class LetterCase:
    """One CDR in dispute; amounts are excl. VAT and None where unknown."""

    case_id: str
    cdr_id: str | None
    session_id: str | None
    started_at: datetime | None
    """UTC"""
    evse_id: str | None
    currency: str
    claimed: Decimal | None
    recomputed: Decimal | None
    at_stake: Decimal | None
    held: Decimal | None
    deadline_on: date | None
    """None where the CPO was not told yet"""
    reasons: tuple[LetterReason, ...]


@dataclass(frozen=True, slots=True)
class LetterSum:
    """The sums of one currency, and how many amounts are unknown and in none of them."""

    currency: str
    claimed: Decimal
    at_stake: Decimal
    held: Decimal
    unknown: int


@dataclass(frozen=True, slots=True)
class LetterSender:
    """Who writes."""

    name: str
    party_id: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class LetterTerms:
    """The days of an agreement, counted from telling the CPO."""

    days_to_answer: int
    days_to_lapse: int


@dataclass(frozen=True, slots=True)
class Letter:
    """What one CPO is told: its cases of a period, sorted by id, with the sums per currency."""

    cpo_id: str
    cpo_name: str
    language: str
    first_day: date
    last_day: date
    is_month: bool
    """the period is a billing month, and not the days on which cases were opened"""
    sender: LetterSender | None
    terms: LetterTerms
    cases: tuple[LetterCase, ...]
    sums: tuple[LetterSum, ...]


def language_of(agreed: str | None, cpo_id: str) -> str:
    """Choose a language: the agreement's where we have its words, else that of the CPO's country, else English."""
    primary = (agreed or "").replace("_", "-").partition("-")[0].strip().lower()
    return primary if primary in _SPOKEN else _OF_COUNTRY.get(cpo_id.partition("*")[0].upper(), "en")


def letter_case(state: CaseState, cdr: Row | None, verdict: Row | None, findings: Iterable[Row]) -> LetterCase:
    """Give what a letter tells of a case.

    Args:
        state: the case as the register has it; all its amounts are told unchanged.
        cdr: its row of `typed/cdrs`.
        verdict: its row of `matched/verdicts`.
        findings: its rows of `matched/findings`; those of rules that the case does not stand on are not told.
    """
    facts = cdr or {}
    found = {row["rule_id"]: row for row in findings}
    return LetterCase(
        case_id=state.case_id,
        cdr_id=facts.get("cdr_id"),
        session_id=facts.get("session_id"),
        started_at=facts.get("started_at"),
        evse_id=facts.get("evse_id") or facts.get("evse_uid"),
        currency=state.currency,
        claimed=state.amounts.claimed,
        recomputed=(verdict or {}).get("recomputed_excl_vat"),
        at_stake=state.amount_at_stake,
        held=state.amounts.held,
        deadline_on=state.deadline_on,
        reasons=tuple(_reason(rule_id, found.get(rule_id), state.cpo_id) for rule_id in sorted(state.rule_ids)),
    )


def sums_of(cases: Iterable[LetterCase]) -> tuple[LetterSum, ...]:
    """Sum amounts by currency and never across, disputed credits apart from disputed claims.

    A credit that we hold is no less of a claim that we hold. What is unknown is counted and not taken for zero.
    """
    together: defaultdict[tuple[str, bool], list[LetterCase]] = defaultdict(list)
    for case in cases:
        together[case.currency, case.claimed is not None and case.claimed < 0].append(case)
    return tuple(_sum(currency, same) for (currency, _), same in sorted(together.items()))


def _sum(currency: str, cases: list[LetterCase]) -> LetterSum:
    columns = ([case.claimed for case in cases], [case.at_stake for case in cases], [case.held for case in cases])
    claimed, at_stake, held = (sum((each for each in column if each is not None), Decimal(0)) for column in columns)
    return LetterSum(currency, claimed, at_stake, held, sum(column.count(None) for column in columns))


def _reason(rule_id: str, row: Row | None, cpo_id: str) -> LetterReason:
    if row is None:
        return LetterReason(rule_id)
    other = row["other_cdr_key"]
    differences = ((part, row[f"{part}_difference"]) for part in _PARTS)
    return LetterReason(
        rule_id=rule_id,
        measured=row["measured"],
        permitted=row["permitted"],
        unit=row["unit"],
        distance_km=row["distance_km"],
        seconds_between=row["seconds_between"],
        other_cdr_key=other if other and other.startswith(f"{cpo_id}*") else None,
        differences=tuple((part, amount) for part, amount in differences if amount),
    )
