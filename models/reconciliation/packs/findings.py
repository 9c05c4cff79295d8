"""The findings of a CDR with the rules that they come from, the thresholds in force, and the sessions beside it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from models.reconciliation.packs.discretion import Discretion
from models.reconciliation.packs.found import Finding, OtherSession, Threshold
from models.reconciliation.packs.pack import Claim
from models.reconciliation.packs.tables import PackTables, Row
from models.reconciliation.rules.catalogue import catalogue
from models.reconciliation.thresholds import DEFAULTS, Thresholds, bounds, named_thresholds
from models.types.vocabularies import Severity

_DESCRIPTIONS: Final = {rule.rule_id: rule.description for rule in catalogue()}
_GRAVITY: Final = {severity: place for place, severity in enumerate(Severity)}
_BOUNDS: Final = bounds()
_OF_THE_AGREEMENT: Final = ("tolerance_amount", "tolerance_pct")
"""thresholds that have columns of their own in the agreement"""


def findings_of(tables: PackTables, claim: Claim, discretion: Discretion) -> tuple[Finding, ...]:
    """Give the findings of a CDR, the gravest first, then by rule."""
    found = (_finding(tables, claim, row, discretion) for row in tables.rows("findings", claim.cdr_key))
    return tuple(sorted(found, key=lambda finding: (_GRAVITY[finding.severity], finding.rule_id)))


def other_keys(tables: PackTables, claim: Claim) -> Iterator[str]:
    """Give the CDRs that the findings of a CDR hold it against."""
    for row in tables.rows("findings", claim.cdr_key):
        if row["other_cdr_key"] is not None:
            yield row["other_cdr_key"]


def _finding(tables: PackTables, claim: Claim, row: Row, discretion: Discretion) -> Finding:
    other = tables.row("others", row["other_cdr_key"])
    facts = {
        **row,
        "rule": _DESCRIPTIONS.get(row["rule_id"], ""),
        "message": discretion.text(row["message"]),
        "expected": discretion.optional(row["expected"]),
        "found": discretion.optional(row["found"]),
        "thresholds": tuple(thresholds_of(tables, claim.cpo_id, row["rule_id"])),
        "other": _other(other, claim) if other else None,
    }
    return msgspec.convert(facts, Finding)


def _other(other: Row, claim: Claim) -> OtherSession:
    if other["cpo_id"] != claim.cpo_id:
        times = {name: other[name] for name in ("started_at", "ended_at")}
        return OtherSession(is_at_recipient=False, **times)
    return msgspec.convert({**other, "is_at_recipient": True}, OtherSession)


def thresholds_of(tables: PackTables, cpo_id: str, rule_id: str) -> Iterator[Threshold]:
    """Give the thresholds of a rule as they are in force towards a CPO."""
    own, agreement = tables.limits.by_cpo.get(cpo_id, DEFAULTS), tables.row("agreements", cpo_id)
    values, agreed = _values(own, agreement), _agreed(agreement)
    for name, bound in _BOUNDS.items():
        if rule_id in bound.rules.split():
            yield Threshold(
                name=name,
                value=values[name],
                unit=bound.unit,
                meaning=bound.meaning,
                is_agreed=name in agreed,
            )


def _agreed(agreement: Row) -> set[str]:
    """Give the thresholds that an agreement names, be it with the value that they would have anyhow."""
    named = named_thresholds(agreement.get("rule_thresholds") or "")
    return {*named, *(name for name in _OF_THE_AGREEMENT if agreement.get(name) is not None)}


def _values(own: Thresholds, agreement: Row) -> Mapping[str, Decimal]:
    values = {name: Decimal(getattr(own, name)) for name in _BOUNDS}
    return values | {name: agreement[name] for name in _OF_THE_AGREEMENT if agreement.get(name) is not None}
