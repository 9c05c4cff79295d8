"""What a rule is: an id, a name, a severity, what it needs, and a function from evidence to findings."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.wording import sentence
from models.schemas.registry import Layer, table
from models.types.money import BILLED, VOLUME
from models.types.vocabularies import Severity

_OF_THE_SUBJECT: Final = ("cdr_key", "billing_month")
KWH: Final = "kWh"
SECONDS: Final = "s"


class Check(Protocol):
    """Finds the CDRs that break a rule: one row each with the columns that `found` makes."""

    def __call__(self, evidence: Evidence, /) -> pl.DataFrame:
        """Look at the evidence."""
        ...


class Subject(StrEnum):
    """Which records a rule looks at."""

    CLAIMS = "claims"
    """CDRs that claim money: no credits, and nothing that a credit took back"""
    CREDITS = "credit CDRs"
    SESSIONS = "sessions without a CDR"
    """its findings stand in `matched/expected_cdrs`, because there is no CDR to hold"""


@dataclass(frozen=True, slots=True)
class Need:
    """Something without which a rule cannot look at a CDR."""

    reason: str
    """what is missing, as `matched/not_checked` says it"""
    missing: Callable[[Evidence], pl.Expr]
    """tells per CDR of the rule's subject whether it is missing"""


def needs_column(reason: str, *columns: str) -> Need:
    """Say that a rule needs columns of the CDR to be known."""
    return Need(reason, lambda _: pl.any_horizontal(pl.col(name).is_null() for name in columns))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue."""

    rule_id: str
    """R01-R38"""
    name: str
    severities: tuple[Severity, ...]
    """the severities that its findings can have, the gravest first"""
    description: str
    """the first paragraph of the docstring of its function"""
    check: Check
    subject: Subject = Subject.CLAIMS
    needs: tuple[Need, ...] = ()
    """what it abstains without, the first that is missing being its reason"""

    def not_checked(self, evidence: Evidence) -> pl.DataFrame:
        """Give one row per CDR of its subject that it cannot look at: `cdr_key`, its month, `rule_id`, `reason`."""
        subjects = evidence.credits if self.subject is Subject.CREDITS else evidence.claims
        if self.subject is Subject.SESSIONS or not self.needs:
            return subjects.clear().select(*_OF_THE_SUBJECT, rule_id=pl.lit(self.rule_id), reason=pl.lit(""))
        reasons = [pl.when(need.missing(evidence)).then(pl.lit(need.reason)) for need in self.needs]
        told = subjects.select(*_OF_THE_SUBJECT, pl.lit(self.rule_id).alias("rule_id"), reason=pl.coalesce(reasons))
        return told.drop_nulls("reason")


def rule(
    rule_id: str, name: str, *severities: Severity, subject: Subject = Subject.CLAIMS, needs: tuple[Need, ...] = ()
) -> Callable[[Check], Rule]:
    """Make a rule of a function: its docstring's first paragraph is what the catalogue says about it."""

    def decorate(check: Check) -> Rule:
        description = " ".join((check.__doc__ or "").split("\n\n")[0].split())
        return Rule(rule_id, name, severities, description, check, subject, needs)

    return decorate


def found(
    broken: pl.DataFrame,
    *,
    message: pl.Expr,
    expected: pl.Expr | None = None,
    actual: pl.Expr | None = None,
    stake: pl.Expr | None = None,
    severity: Severity | pl.Expr = Severity.BLOCK,
    **typed: pl.Expr | str,
) -> pl.DataFrame:
    """Shape the CDRs that break a rule as findings.

    Args:
        broken: one row per CDR, with `cdr_key`.
        message: a sentence with the numbers.
        expected: what would have been right.
        actual: what was found.
        stake: amount excl. VAT in the CDR's currency; null where no figure can be put on it.
        severity: of all rows, or per row.
        typed: further columns of `matched/findings`: an expression, or a text that is the same in all rows.
    """
    nothing = pl.lit(None, pl.String)
    return broken.select(
        "cdr_key",
        (severity if isinstance(severity, pl.Expr) else pl.lit(str(severity))).alias("severity"),
        message.alias("message"),
        (nothing if expected is None else expected.cast(pl.String)).alias("expected"),
        (nothing if actual is None else actual.cast(pl.String)).alias("found"),
        *(_typed(name, kind, typed.get(name)) for name, kind in _TYPED.items()),
        (pl.lit(None, BILLED) if stake is None else stake.cast(BILLED)).alias("amount_at_stake"),
    )


def _typed(name: str, kind: pl.DataType, value: pl.Expr | str | None) -> pl.Expr:
    if value is None:
        return pl.lit([] if kind == pl.List else None, kind).alias(name)
    expression = pl.lit(value) if isinstance(value, str) else value
    rounded = expression.round(3).cast(kind) if kind == VOLUME and name == "distance_km" else expression.cast(kind)
    return rounded.alias(name)


def worse(condition: pl.Expr, then: Severity, otherwise: Severity) -> pl.Expr:
    """Give the severity per row: `then` where the condition holds, else `otherwise`; unknown is no reason."""
    return pl.when(condition.fill_null(False)).then(pl.lit(str(then))).otherwise(pl.lit(str(otherwise)))


_COMMON: Final = frozenset({"cdr_key", "rule_id", "rule_name", "severity", "message", "expected", "found"})
_OF_THE_CDR: Final = frozenset({"amount_at_stake", "currency", "billing_month"})
_TYPED: Final = {
    name: kind for name, kind in table(Layer.MATCHED, "findings").schema.items() if name not in _COMMON | _OF_THE_CDR
}
"""the columns of typed evidence"""


__all__ = [
    "KWH",
    "SECONDS",
    "Check",
    "Evidence",
    "Need",
    "Rule",
    "Subject",
    "found",
    "needs_column",
    "rule",
    "sentence",
    "worse",
]
