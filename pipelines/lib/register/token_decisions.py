"""Decisions about tokens in the register: who blocked or unblocked which, when and why; the last one holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from models.reconciliation.token_risk.activity import NO_BLOCKS
from models.types.vocabularies import TokenDecisionKind
from pipelines.lib.register.tables import TOKEN_DECISIONS


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """One decision; `score` and `signal_ids` are those of the token's risk when it was taken."""

    token_uid: str
    token_type: str
    kind: TokenDecisionKind
    reason: str
    score: int | None
    signal_ids: tuple[str, ...]
    actor: str
    happened_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """The token: uid in upper case, and type."""
        return self.token_uid.upper(), self.token_type


def record_token_decision(tx: sa.Connection, decision: TokenDecision) -> int:
    """Append a decision; give its index among those about its token, from 0."""
    uid, token_type = decision.key
    columns = TOKEN_DECISIONS.c
    query = sa.select(sa.func.count()).where(columns.token_uid == uid, columns.token_type == token_type)
    index = tx.execute(query).scalar_one()
    tx.execute(
        TOKEN_DECISIONS.insert().values(
            token_uid=uid,
            token_type=token_type,
            decision_index=index,
            kind=str(decision.kind),
            reason=decision.reason,
            score=decision.score,
            signal_ids=",".join(decision.signal_ids),
            actor=decision.actor,
            happened_at=decision.happened_at,
        )
    )
    return index


def token_decisions(tx: sa.Connection) -> dict[tuple[str, str], list[TokenDecision]]:
    """Give all decisions by token, in the order in which they were taken."""
    query = sa.select(TOKEN_DECISIONS).order_by(*_ORDER)
    found: dict[tuple[str, str], list[TokenDecision]] = {}
    for row in tx.execute(query):
        decision = _read(row)
        found.setdefault(decision.key, []).append(decision)
    return found


def is_blocked(tx: sa.Connection, uid: str, token_type: str) -> bool:
    """Tell whether the last decision about a token blocks it."""
    columns = TOKEN_DECISIONS.c
    wanted = sa.select(columns.kind).where(columns.token_uid == uid.upper(), columns.token_type == token_type.upper())
    last = tx.execute(wanted.order_by(columns.decision_index.desc()).limit(1)).scalar_one_or_none()
    return last == TokenDecisionKind.BLOCK


def last_decisions(tx: sa.Connection) -> pl.DataFrame:
    """Give the decision that holds for each token that was ever decided about: one row per uid and type, in upper case.

    Columns: `token_uid`, `token_type`, `is_blocked`, `decided_at`.
    """
    rows = [
        (last.token_uid.upper(), last.token_type.upper(), last.kind is TokenDecisionKind.BLOCK, last.happened_at)
        for *_, last in token_decisions(tx).values()
    ]
    return pl.DataFrame(rows, schema=_LAST, orient="row")


def blocked_spans(tx: sa.Connection) -> pl.DataFrame:
    """Give the spans in which tokens were blocked by people, as `models.reconciliation.token_risk` wants them."""
    rows = [
        (decision.token_uid, decision.token_type, decision.happened_at, following)
        for decisions in token_decisions(tx).values()
        for decision, following in zip(decisions, [*(d.happened_at for d in decisions[1:]), None], strict=True)
        if decision.kind is TokenDecisionKind.BLOCK
    ]
    return pl.DataFrame(rows, schema=NO_BLOCKS.schema, orient="row")


def _read(row: sa.Row[Any]) -> TokenDecision:
    return TokenDecision(
        token_uid=row.token_uid,
        token_type=row.token_type,
        kind=TokenDecisionKind(row.kind),
        reason=row.reason,
        score=row.score,
        signal_ids=tuple(filter(None, row.signal_ids.split(","))),
        actor=row.actor,
        happened_at=row.happened_at,
    )


_LAST: Final = {
    "token_uid": pl.String,
    "token_type": pl.String,
    "is_blocked": pl.Boolean,
    "decided_at": pl.Datetime("us", "UTC"),
}
_ORDER: Final = (TOKEN_DECISIONS.c.token_uid, TOKEN_DECISIONS.c.token_type, TOKEN_DECISIONS.c.decision_index)
