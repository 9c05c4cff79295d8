"""The outbox in the register: what each peer is to be sent, and what came of each attempt.

A message never changes; its state is the fold of its attempts. Of one object and one peer only the newest message may
go out: an older one that was still waiting is superseded, else a late retry of it would undo what was decided since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pipelines.lib.register.tables import OUTBOX_ATTEMPTS, OUTBOX_MESSAGES


class DeliveryState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    FAILED = "failed"
    """to be tried again when it is due"""
    SENT = "sent"
    GAVE_UP = "gave_up"
    SUPERSEDED = "superseded"
    """a newer message about the same object took its place"""


@dataclass(frozen=True, slots=True)
class Message:
    """What a peer is to be sent: a JSON object, brought into the shape of the peer's version when it goes out."""

    message_id: str
    connection_id: str
    topic: str
    object_key: str
    content_json: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt; `due_at` is when to try again."""

    state: DeliveryState
    answer: str
    happened_at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message with all attempts at it."""

    message: Message
    attempts: tuple[Attempt, ...] = ()

    @property
    def state(self) -> DeliveryState:
        """What the last attempt left it in."""
        return self.attempts[-1].state if self.attempts else DeliveryState.PENDING

    @property
    def tries(self) -> int:
        """Attempts since it was last queued: asking again for one that gave up begins anew."""
        tried = 0
        for attempt in self.attempts:
            tried = 0 if attempt.state is DeliveryState.PENDING else tried + 1
        return tried

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be delivered."""
        return self.state in {DeliveryState.PENDING, DeliveryState.FAILED}

    def is_due(self, now: datetime) -> bool:
        """Tell whether it should be tried now."""
        due = self.attempts[-1].due_at if self.attempts else None
        return self.is_waiting and (due is None or due <= now)


def queue(tx: sa.Connection, messages: Iterable[Message]) -> None:
    """Append messages, and supersede what still waits to be sent about the same objects to the same peers."""
    waiting = [
        delivery for delivery in deliveries(tx) if delivery.is_waiting or delivery.state is DeliveryState.GAVE_UP
    ]
    for message in messages:
        for older in waiting:
            if _target(older.message) == _target(message):
                answer = f"superseded by {message.message_id}"
                record_attempt(tx, older, Attempt(DeliveryState.SUPERSEDED, answer, message.created_at))
        tx.execute(
            OUTBOX_MESSAGES.insert().values(
                message_id=message.message_id,
                connection_id=message.connection_id,
                topic=message.topic,
                object_key=message.object_key,
                content_json=message.content_json,
                created_at=message.created_at,
            )
        )


def record_attempt(tx: sa.Connection, delivery: Delivery, attempt: Attempt) -> None:
    """Append what came of an attempt; two senders that both tried the same one cannot both record it."""
    tx.execute(
        OUTBOX_ATTEMPTS.insert().values(
            message_id=delivery.message.message_id,
            attempt_index=len(delivery.attempts),
            outcome=str(attempt.state),
            answer=attempt.answer,
            due_at=attempt.due_at,
            happened_at=attempt.happened_at,
        )
    )


def deliveries(tx: sa.Connection, message_id: str | None = None) -> list[Delivery]:
    """Give every message (or one) with its attempts, in the order in which they were queued."""
    attempts = sa.select(OUTBOX_ATTEMPTS).order_by(OUTBOX_ATTEMPTS.c.message_id, OUTBOX_ATTEMPTS.c.attempt_index)
    messages = sa.select(OUTBOX_MESSAGES).order_by(OUTBOX_MESSAGES.c.created_at, OUTBOX_MESSAGES.c.message_id)
    if message_id is not None:
        attempts = attempts.where(OUTBOX_ATTEMPTS.c.message_id == message_id)
        messages = messages.where(OUTBOX_MESSAGES.c.message_id == message_id)
    tried: dict[str, list[Attempt]] = {}
    for row in tx.execute(attempts):
        attempt = Attempt(DeliveryState(row.outcome), row.answer, row.happened_at, row.due_at)
        tried.setdefault(row.message_id, []).append(attempt)
    return [Delivery(_message(row), tuple(tried.get(row.message_id, ()))) for row in tx.execute(messages)]


def delivery_of(tx: sa.Connection, message_id: str) -> Delivery:
    """Give one message as it stands now."""
    return deliveries(tx, message_id)[0]


def _target(message: Message) -> tuple[str, str, str]:
    return message.connection_id, message.topic, message.object_key


def _message(row: sa.Row[Any]) -> Message:
    return Message(row.message_id, row.connection_id, row.topic, row.object_key, row.content_json, row.created_at)
