"""The catalogue of rules as a page: written from the code, so that it cannot say anything else."""

from collections.abc import Iterator

from models.reconciliation.rules.catalogue import catalogue
from models.reconciliation.rules.rule import Rule
from models.reconciliation.thresholds import DEFAULTS, bounds

_HEAD = """# Reconciliation rules

Written by `roamledger rules`; do not edit. Each CDR is held against every rule. *reject* means that by agreement
nothing is owed, *block* holds the CDR and opens a case, *review* asks somebody to look, *info* only tells. A rule that
lacks what it needs says `not_checked` with the reason, which is neither passed nor broken.

Thresholds are defaults of this project, no industry standard. An agreement names those in which it differs in the
column `rule_thresholds` of `agreements.csv`, as `late_days=14;ac_hours=48`; `tolerance_amount` and `tolerance_pct` have
columns of their own there. All are exclusive: a value at the bound is clean.
"""


def catalogue_page() -> str:
    """Give the page in Markdown."""
    return "\n".join([_HEAD, *_rules(), "", "## Thresholds", "", *_thresholds(), ""])


def _rules() -> Iterator[str]:
    yield "| rule | name | severity | looks at | finds | thresholds | not checked where |"
    yield "|---|---|---|---|---|---|---|"
    yield from (_line(rule) for rule in catalogue())


def _line(rule: Rule) -> str:
    used = [f"`{name}`" for name, bound in bounds().items() if rule.rule_id in bound.rules.split()]
    cells = (
        rule.rule_id,
        rule.name,
        ", ".join(rule.severities),
        str(rule.subject),
        rule.description,
        ", ".join(used),
        "; ".join(need.reason for need in rule.needs),
    )
    return f"| {' | '.join(cells)} |"


def _thresholds() -> Iterator[str]:
    yield "| threshold | default | unit | rules | meaning |"
    yield "|---|---|---|---|---|"
    for name, bound in bounds().items():
        default = getattr(DEFAULTS, name)
        yield f"| `{name}` | {default} | {bound.unit} | {bound.rules.replace(' ', ', ')} | {bound.meaning} |"
