"""Decisions about tokens, the outbox to peers, and the checks of CPO invoices; all append-only."""

from alembic import op

from pipelines.lib.register.tables import (
    CPO_INVOICE_APPROVALS,
    CPO_INVOICE_CHECKS,
    OUTBOX_ATTEMPTS,
    OUTBOX_MESSAGES,
    TOKEN_DECISIONS,
)

revision = "0003"
down_revision = "0002"

_TABLES = (TOKEN_DECISIONS, OUTBOX_MESSAGES, OUTBOX_ATTEMPTS, CPO_INVOICE_CHECKS, CPO_INVOICE_APPROVALS)


def upgrade() -> None:
    """Create the tables where 0001 has not done so already, and on SQLite the triggers that keep them append-only."""
    bind = op.get_bind()
    for table in _TABLES:
        table.create(bind, checkfirst=True)
        if bind.dialect.name != "sqlite":
            continue
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
                f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
            )


def downgrade() -> None:
    """Drop the tables; only an empty register may be thrown away."""
    for table in reversed(_TABLES):
        table.drop(op.get_bind(), checkfirst=True)
