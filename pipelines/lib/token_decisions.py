"""Blocking and unblocking a token: what would be decided and told to whom, and doing it.

Nothing is decided without a person and a reason. The decision and its messages are written in one transaction, so that
no block stays untold and nothing is told that was not decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import msgspec
import polars as pl
import sqlalchemy as sa

from models.ocpi.token_objects import token_object
from models.schemas.registry import Layer
from models.types.vocabularies import RecordOutcome, TokenDecisionKind
from pipelines.lib.connections import CredentialsStore
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.outbox import TOKEN
from pipelines.lib.raw_store import RECORD_PLACE, RawStore
from pipelines.lib.register.outbox import Message, queue
from pipelines.lib.register.token_decisions import TokenDecision, record_token_decision, token_decisions
from pipelines.lib.settings import Connection, Settings

SAFE_WHITELIST: Final = "NEVER"
"""for a token whose setting nobody knows: chargers then always ask us"""
_LATEST: Final = "2.2.1"
"""the shape shown for a peer whose version is not known yet; what is sent has the version agreed on then"""


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A decision before it is written: what every peer would be told."""

    decision: TokenDecision
    token: dict[str, object]
    """the Token object in the shape of OCPI 2.3.0"""
    connections: tuple[Connection, ...]

    def shown_to(self, settings: Settings, connection: Connection) -> tuple[str, dict[str, object]]:
        """Give the version that a peer spoke last, as far as is known, and the object in its shape."""
        agreed = CredentialsStore.of(settings.home).read(connection.connection_id).version
        version = agreed or next(iter(connection.preferred_versions), _LATEST)
        return version, token_object(self.token, version)


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Where decisions about tokens are prepared: what the stores of one home say of them."""

    settings: Settings
    lake: Lake

    def plan(
        self, tx: sa.Connection, uid: str, token_type: str | None, kind: TokenDecisionKind, reason: str, actor: str
    ) -> TokenPlan:
        """Prepare a decision.

        Raises:
            UserError: for a token that is not ours, one named without its type where there are several, one that is
                blocked (or not) already, and a decision without a reason.
        """
        if not reason.strip():
            msg = f"{kind} {uid}: a decision needs a reason: say it with --reason"
            raise UserError(msg)
        known = self.find(uid, token_type)
        key = (str(known["token_uid"]).upper(), str(known["token_type"]))
        self._hold_to_state(known, key, kind, token_decisions(tx).get(key, []))
        score, signal_ids = self.risk_of(*key)
        now = self.settings.clock()
        decision = TokenDecision(*key, kind, reason.strip(), score, signal_ids, actor, now)
        token = self._object(known, is_valid=kind is TokenDecisionKind.UNBLOCK, now=now)
        return TokenPlan(decision, token, self.settings.connections)

    def find(self, uid: str, token_type: str | None) -> dict[str, Any]:
        """Give the token's row of `typed/tokens`; raise `UserError` where there is none, or more than one."""
        tokens = self.lake.read(Layer.TYPED, "tokens").filter(pl.col("token_uid").str.to_uppercase() == uid.upper())
        if token_type is not None:
            tokens = tokens.filter(token_type=token_type.upper())
        rows = list(
            tokens.sort("token_type", "last_updated_at").unique("token_type", keep="last").iter_rows(named=True)
        )
        if not rows:
            kind = f" of type {token_type}" if token_type else ""
            msg = f"there is no token {uid!r}{kind} of ours: look it up in typed/tokens, or pull it from the platform"
            raise UserError(msg)
        if len(rows) > 1:
            types = ", ".join(sorted(str(row["token_type"]) for row in rows))
            msg = f"token {uid!r} is there in several types ({types}): name one with --type"
            raise UserError(msg)
        return rows[0]

    def risk_of(self, uid: str, token_type: str) -> tuple[int | None, tuple[str, ...]]:
        """Give score and signals of the token in the last month in which it was used; None where it never was."""
        for month in reversed(self.lake.months(Layer.MATCHED, "token_risks")):
            risks = self.lake.read(Layer.MATCHED, "token_risks", month)
            found = risks.filter(token_uid=uid, token_type=token_type)
            if found.height:
                row = found.row(0, named=True)
                return row["score"], tuple(row["signal_ids"])
        return None, ()

    @staticmethod
    def _hold_to_state(
        known: dict[str, Any], key: tuple[str, str], kind: TokenDecisionKind, taken: list[TokenDecision]
    ) -> None:
        last = taken[-1] if taken else None
        name = f"token {key[0]} ({key[1]})"
        if last is not None and last.kind is kind:
            msg = f"{name} was {kind}ed already, by {last.actor} on {last.happened_at:%Y-%m-%d}: {last.reason}"
            raise UserError(msg)
        if kind is TokenDecisionKind.UNBLOCK and last is None and known["is_valid"]:
            msg = f"{name} is not blocked: there is nothing to unblock"
            raise UserError(msg)

    def _object(self, known: dict[str, Any], *, is_valid: bool, now: datetime) -> dict[str, object]:
        """Give the Token object: the platform's own record with what it says beyond our table, and the decision."""
        received = self._received(known)
        # A peer may refuse an object that claims to be older than the one it has.
        stamp = max(now, known["last_updated_at"] + timedelta(seconds=1))
        country, party = self._own_party().split("*")
        ours: dict[str, object] = {
            "country_code": country,
            "party_id": party,
            "uid": known["token_uid"],
            "type": known["token_type"],
            "contract_id": known["contract_id"],
            "issuer": known["issuer"] or f"{country}*{party}",
            "group_id": known["group_id"],
            "valid": is_valid,
            "whitelist": known["whitelist"] or SAFE_WHITELIST,
            "last_updated": stamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return received | ours

    def _received(self, known: dict[str, Any]) -> dict[str, object]:
        """Give the platform's own record of a token, for what stands in it beyond our table; none where it is gone."""
        records = self.lake.read(Layer.TYPED, "records").filter(
            pl.col("module") == "tokens",
            pl.col("outcome") == str(RecordOutcome.TYPED),
            pl.col("record_id").str.to_uppercase() == str(known["token_uid"]).upper(),
        )
        for place in reversed(records.sort("received_at").select(RECORD_PLACE).rows()):
            try:
                found = msgspec.json.decode(RawStore(self.lake).record(*place))
            except (LookupError, ValueError):
                continue
            if isinstance(found, dict) and found.get("type") == known["token_type"]:
                return cast("dict[str, object]", found)
        return {}

    def _own_party(self) -> str:
        entities = self.lake.read(Layer.MASTER, "legal_entities")
        if entities.is_empty():
            msg = "legal_entities.csv is not loaded, so tokens have no owner: run `roamledger pull` first"
            raise UserError(msg)
        return str(entities["ocpi_party_id"][0])


def carry_out(tx: sa.Connection, plan: TokenPlan) -> list[Message]:
    """Write a decision and queue what it tells every peer, as one."""
    index = record_token_decision(tx, plan.decision)
    uid, token_type = plan.decision.key
    content = msgspec.json.encode(plan.token).decode()
    messages = [
        Message(
            message_id=f"{TOKEN}:{uid}:{token_type}:{index}:{connection.connection_id}",
            connection_id=connection.connection_id,
            topic=TOKEN,
            object_key=f"{uid}|{token_type}",
            content_json=content,
            created_at=plan.decision.happened_at,
        )
        for connection in plan.connections
    ]
    queue(tx, messages)
    return messages
