"""The register's tables. All are append-only: state is the fold of rows, and triggers refuse UPDATE and DELETE.

Amounts stand inside documents as decimal strings; SQLite has no decimal type, and a REAL would not be exact.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import Date as SqlDate

if TYPE_CHECKING:
    from sqlalchemy import Dialect

METADATA = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant in every database; SQLite alone would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC."""
        del dialect
        return None if value is None else (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


PULLS = Table(
    "pulls",
    METADATA,
    Column("pull_id", String(64), primary_key=True),
    Column("connection_id", String(64), primary_key=True),
    Column("module", String(32), primary_key=True),
    Column("since", UtcDateTime, nullable=True),
    Column("until", UtcDateTime, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    comment="One row per finished pull of a module; the watermark is the newest `until`.",
)

CLOSE_EVENTS = Table(
    "close_events",
    METADATA,
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    Column("billing_month", SqlDate, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    Column("inputs_sha256", String(64), nullable=True),
    Column("outputs_sha256", String(64), nullable=True),
    Column("documents", Integer, nullable=True),
    Column("happened_at", UtcDateTime, nullable=False),
    UniqueConstraint("billing_month", "kind", name="uq_close_events_month_kind"),
    comment="started fixes as_of, finished fixes the hashes: at most one of each per month.",
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("document_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("series", String(64), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("document_number", String(64), nullable=False, unique=True),
    Column("parent_document_id", String(64), nullable=True),
    Column("account_id", String(64), nullable=False),
    Column("billing_month", SqlDate, nullable=False),
    Column("issued_on", SqlDate, nullable=False),
    Column("content_json", Text, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    UniqueConstraint("series", "sequence", name="uq_documents_series_sequence"),
    Index("ix_documents_month", "billing_month"),
    comment="One row per issued document: its number and its immutable content, given in one transaction.",
)

BILLINGS = Table(
    "billings",
    METADATA,
    Column("charge_id", String(160), primary_key=True),
    Column("document_id", String(64), ForeignKey("documents.document_id"), nullable=False),
    Column("line_number", Integer, nullable=False),
    UniqueConstraint("document_id", "line_number", name="uq_billings_document_line"),
    comment="One row per charge or reimbursement ever billed; the primary key is why nothing is billed twice.",
)

RENDERINGS = Table(
    "renderings",
    METADATA,
    Column("document_id", String(64), ForeignKey("documents.document_id"), primary_key=True),
    Column("format", String(16), primary_key=True),
    Column("path", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("rendered_at", UtcDateTime, nullable=False),
    comment="One row per file made from a document; `path` is relative to the documents folder.",
)

DISPUTE_EVENTS = Table(
    "dispute_events",
    METADATA,
    Column("case_id", String(128), primary_key=True),
    Column("event_index", Integer, primary_key=True),
    Column("cdr_key", String(128), nullable=False),
    Column("cpo_id", String(16), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("rule_ids", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("amount_at_stake", String(32), nullable=True),
    Column("currency", String(3), nullable=False),
    Column("deadline_on", SqlDate, nullable=True),
    Column("actor", String(64), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("billing_month", SqlDate, nullable=False),
    Column("amount", String(32), nullable=True),
    Column("claimed", String(32), nullable=True),
    Column("related_cdr_key", String(128), nullable=True),
    Column("recorded_at", UtcDateTime, nullable=True),
    comment="One row per event of a dispute case; a case is a CDR.",
)

CONNECTION_EVENTS = Table(
    "connection_events",
    METADATA,
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    Column("connection_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("ocpi_version", String(16), nullable=True),
    Column("our_token_fingerprint", String(8), nullable=True),
    Column("their_token_fingerprint", String(8), nullable=True),
    Column("happened_at", UtcDateTime, nullable=False),
    Index("ix_connection_events_connection", "connection_id"),
    comment="One row per handshake that was completed: registered, rotated, unregistered. Fingerprints, never tokens.",
)

TOKEN_DECISIONS = Table(
    "token_decisions",
    METADATA,
    Column("token_uid", String(64), primary_key=True),
    Column("token_type", String(32), primary_key=True),
    Column("decision_index", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("score", Integer, nullable=True),
    Column("signal_ids", String(255), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    comment="One row per decision of a person to block or unblock a token; the last one holds.",
)

OUTBOX_MESSAGES = Table(
    "outbox_messages",
    METADATA,
    Column("message_id", String(160), primary_key=True),
    Column("connection_id", String(64), nullable=False),
    Column("topic", String(32), nullable=False),
    Column("object_key", String(128), nullable=False),
    Column("content_json", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_outbox_messages_object", "connection_id", "topic", "object_key"),
    comment="One row per object that a peer is to be sent; of one object only the newest message goes out.",
)

OUTBOX_ATTEMPTS = Table(
    "outbox_attempts",
    METADATA,
    Column("message_id", String(160), ForeignKey("outbox_messages.message_id"), primary_key=True),
    Column("attempt_index", Integer, primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("answer", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=True),
    Column("happened_at", UtcDateTime, nullable=False),
    comment="One row per attempt to deliver: sent, failed (due again at), gave_up, superseded, again.",
)

CPO_INVOICE_CHECKS = Table(
    "cpo_invoice_checks",
    METADATA,
    Column("check_id", Integer, primary_key=True, autoincrement=True),
    Column("cpo_id", String(16), nullable=False),
    Column("invoice_id", String(255), nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("result_json", Text, nullable=False),
    Column("result_sha256", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Index("ix_cpo_invoice_checks_invoice", "cpo_id", "invoice_id"),
    comment="One row per check of a CPO's invoice: what was checked, and what came of it, line by line.",
)

CPO_INVOICE_APPROVALS = Table(
    "cpo_invoice_approvals",
    METADATA,
    Column("cdr_key", String(128), primary_key=True),
    Column("event_index", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("check_id", Integer, ForeignKey("cpo_invoice_checks.check_id"), nullable=False),
    Column("cpo_id", String(16), nullable=False),
    Column("invoice_id", String(255), nullable=False),
    Column("amount", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("happened_at", UtcDateTime, nullable=False),
    Column("asked", String(32), nullable=True),
    comment="One row per CDR and invoice approved, withheld or released; the key stops two approvals at once.",
)
