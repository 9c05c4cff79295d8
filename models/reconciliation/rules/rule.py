"""What a rule is: an id, a name, a severity, and a function from evidence to findings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.wording import sentence
from models.types.money import BILLED
from models.types.vocabularies import Severity


class Check(Protocol):
    """Finds the CDRs that break a rule: one row each with the columns that `found` makes."""

    def __call__(self, evidence: Evidence, /) -> pl.DataFrame:
        """Look at the evidence."""
        ...


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


def rule(rule_id: str, name: str, *severities: Severity) -> Callable[[Check], Rule]:
    """Make a rule of a function: its docstring's first paragraph is what the catalogue says about it."""

    def decorate(check: Check) -> Rule:
        description = " ".join((check.__doc__ or "").split("\n\n")[0].split())
        return Rule(rule_id, name, severities, description, check)

    return decorate


def found(
    broken: pl.DataFrame,
    *,
    message: pl.Expr,
    expected: pl.Expr | None = None,
    actual: pl.Expr | None = None,
    stake: pl.Expr | None = None,
    severity: Severity | pl.Expr = Severity.BLOCK,
) -> pl.DataFrame:
    """Shape the CDRs that break a rule as findings.

    Args:
        broken: one row per CDR, with `cdr_key`.
        message: a sentence with the numbers.
        expected: what would have been right.
        actual: what was found.
        stake: amount excl. VAT in the CDR's currency; null where no figure can be put on it.
        severity: of all rows, or per row.
    """
    nothing = pl.lit(None, pl.String)
    return broken.select(
        "cdr_key",
        (severity if isinstance(severity, pl.Expr) else pl.lit(str(severity))).alias("severity"),
        message.alias("message"),
        (nothing if expected is None else expected.cast(pl.String)).alias("expected"),
        (nothing if actual is None else actual.cast(pl.String)).alias("found"),
        (pl.lit(None, BILLED) if stake is None else stake.cast(BILLED)).alias("amount_at_stake"),
    )


__all__ = ["Check", "Evidence", "Rule", "found", "rule", "sentence"]
