"""Letters about disputes: read from the register and the lake, and written as a message beside its attachment.

Nothing is sent, and the register is only read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from models.reconciliation.cases import CaseState
from models.reconciliation.letters import (
    Letter,
    LetterCase,
    LetterSender,
    LetterTerms,
    language_of,
    letter_case,
    sums_of,
)
from models.schemas.registry import Layer
from models.types.money import BILLED, VOLUME
from models.types.time import BillingMonth
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.errors import UserError
from pipelines.lib.evidence_packs.writing import put, stem_of
from pipelines.lib.frame_files import write_frames
from pipelines.lib.lake import Lake
from reports.dispute_letter import render_letter
from reports.plain_text import shown

_CDR_FACTS: Final = ("cdr_key", "cdr_id", "session_id", "started_at", "evse_id", "evse_uid")
_TEXTS: Final = ("case_id", "cdr_id", "session_id", "evse_id", "currency", "rule_id", "unit", "other_cdr_key")
_AMOUNTS: Final = ("claimed", "recomputed", "at_stake", "held")
ATTACHED: Final = pl.Schema(
    {
        **dict.fromkeys(("case_id", "cdr_id", "session_id"), pl.String()),
        "started_at": pl.Datetime("us", "UTC"),
        **dict.fromkeys(("evse_id", "currency"), pl.String()),
        **{f"{name}_excl_vat": VOLUME if name == "claimed" else BILLED for name in _AMOUNTS},
        "answer_by": pl.Date(),
        "rule_id": pl.String(),
        **dict.fromkeys(("measured", "permitted"), VOLUME),
        "unit": pl.String(),
        "distance_km": VOLUME,
        "seconds_between": pl.Int64(),
        "other_cdr_key": pl.String(),
    }
)
"""columns of an attachment: one row per case and reason (`case_id`, `rule_id`)"""


@dataclass(frozen=True, slots=True)
class Period:
    """Which cases letters are about: those of a billing month, or those opened on some days (UTC, both included)."""

    first_day: date
    last_day: date
    month: BillingMonth | None = None

    @classmethod
    def of_month(cls, month: BillingMonth) -> Period:
        """Give the period of a billing month."""
        return cls(month.first_day, month.next.first_day - timedelta(days=1), month)

    def keeps(self, state: CaseState) -> bool:
        """Tell whether a case is of the period."""
        if self.month is not None:
            return state.billing_month == self.month.first_day
        return self.first_day <= state.opened_at.date() <= self.last_day

    def __str__(self) -> str:
        """Give the name of the period's folder."""
        return str(self.month or f"{self.first_day}_{self.last_day}")


@dataclass(frozen=True, slots=True)
class LetterFiles:
    """The two files of one letter."""

    letter: Letter
    message: Path
    attachment: Path


def letters(lake: Lake, states: Iterable[CaseState], period: Period, cpo_id: str = "") -> list[Letter]:
    """Make the letters of a period, one per CPO with live cases in it, sorted by CPO.

    Args:
        lake: has the CDRs, verdicts, findings and agreements.
        states: every case of the register; those that are not live are left out.
        period: which of them are meant.
        cpo_id: only this CPO's; all by default.
    """
    wanted = [state for state in states if state.is_live and period.keeps(state) and cpo_id in {"", state.cpo_id}]
    by_cpo: defaultdict[str, list[LetterCase]] = defaultdict(list)
    facts = _Facts.of(lake, wanted)
    for state in sorted(wanted, key=lambda state: state.case_id):
        by_cpo[state.cpo_id].append(facts.case(state))
    books = _Books.of(lake)
    return [books.letter(cpo, cases, period) for cpo, cases in sorted(by_cpo.items())]


def write_letter(folder: Path, letter: Letter) -> LetterFiles:
    """Write a letter's message and attachment, each whole or not at all.

    Raises:
        UserError: when the folder cannot be written.
    """
    stem = stem_of(letter.cpo_id)
    message, attachment = folder / f"{stem}.txt", folder / f"{stem}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _ = write_frames(attachment, {"cases": attached(letter)})
        put(message, render_letter(letter, attachment.name).encode(errors="backslashreplace"))
    except OSError as error:
        msg = f"folder {folder} cannot be written: {error.strerror}; choose another with --output"
        raise UserError(msg) from None
    return LetterFiles(letter, message, attachment)


def attached(letter: Letter) -> pl.DataFrame:
    """Give the attachment of a letter as `ATTACHED`; texts of others have their control characters escaped."""
    rows = [row for case in letter.cases for row in _rows(case)]
    return pl.DataFrame(rows, schema=ATTACHED, orient="row")


def _rows(case: LetterCase) -> Iterable[dict[str, object]]:
    of_case = {name: getattr(case, name) for name in ("case_id", "cdr_id", "session_id", "started_at", "evse_id")}
    of_case |= {f"{name}_excl_vat": getattr(case, name) for name in _AMOUNTS}
    of_case |= {"currency": case.currency, "answer_by": case.deadline_on}
    for reason in case.reasons:
        names = ("rule_id", "measured", "permitted", "unit", "distance_km", "seconds_between", "other_cdr_key")
        row = of_case | {name: getattr(reason, name) for name in names}
        yield row | {name: shown(row[name]) for name in _TEXTS}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the lake knows about CDRs, by key."""

    cdrs: Mapping[str, dict[str, Any]]
    verdicts: Mapping[str, dict[str, Any]]
    findings: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, lake: Lake, states: Iterable[CaseState]) -> _Facts:
        keys = pl.Series("cdr_key", sorted(state.case_id for state in states), pl.String)
        months = {BillingMonth(state.billing_month.year, state.billing_month.month) for state in states}

        def read(layer: Layer, name: str) -> list[dict[str, Any]]:
            frame = lake.read_months(layer, name, sorted(months & set(lake.months(layer, name))))
            return frame.filter(pl.col("cdr_key").is_in(keys.implode())).rows(named=True)

        findings: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in read(Layer.MATCHED, "findings"):
            findings[row["cdr_key"]].append(row)
        return cls(
            {row["cdr_key"]: {name: row[name] for name in _CDR_FACTS} for row in read(Layer.TYPED, "cdrs")},
            {row["cdr_key"]: row for row in read(Layer.MATCHED, "verdicts")},
            findings,
        )

    def case(self, state: CaseState) -> LetterCase:
        """Give what is told of a case."""
        key = state.case_id
        return letter_case(state, self.cdrs.get(key), self.verdicts.get(key), self.findings.get(key, ()))


@dataclass(frozen=True, slots=True)
class _Books:
    """With whom we roam, on which terms, and who we are."""

    agreements: Mapping[str, dict[str, Any]]
    terms: Terms
    sender: LetterSender | None

    @classmethod
    def of(cls, lake: Lake) -> _Books:
        agreements = lake.read(Layer.MASTER, "agreements")
        by_cpo = {row["cpo_id"]: row for row in agreements.rows(named=True)}
        return cls(by_cpo, Terms.of(agreements), _sender(lake))

    def letter(self, cpo_id: str, cases: list[LetterCase], period: Period) -> Letter:
        """Give the letter to a CPO; one without an agreement is written to under its id."""
        agreement = self.agreements.get(cpo_id, {})
        return Letter(
            cpo_id=cpo_id,
            cpo_name=agreement.get("name", cpo_id),
            language=language_of(agreement.get("language"), cpo_id),
            first_day=period.first_day,
            last_day=period.last_day,
            is_month=period.month is not None,
            sender=self.sender,
            terms=LetterTerms(self.terms.days_to_answer(cpo_id), self.terms.days_to_lapse(cpo_id)),
            cases=tuple(cases),
            sums=sums_of(cases),
        )


def _sender(lake: Lake) -> LetterSender | None:
    for row in lake.read(Layer.MASTER, "legal_entities").rows(named=True):
        return LetterSender(row["name"], row["ocpi_party_id"], row["email"], row["phone"])
    return None
