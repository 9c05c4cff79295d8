"""What an invoice asks for a CDR, beside what of it is approved: the rest may become payable by its credit."""

import sqlalchemy as sa
from alembic import op

from pipelines.lib.register.tables import CPO_INVOICE_APPROVALS

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column where an earlier step has not made it already; approvals of before do not know what was asked."""
    bind = op.get_bind()
    present = {column["name"] for column in sa.inspect(bind).get_columns(CPO_INVOICE_APPROVALS.name)}
    if "asked" not in present:
        column = sa.Column("asked", CPO_INVOICE_APPROVALS.c.asked.type, nullable=True)
        op.add_column(CPO_INVOICE_APPROVALS.name, column)


def downgrade() -> None:
    """Drop the column; only a register without checks of invoices may lose it."""
    op.drop_column(CPO_INVOICE_APPROVALS.name, "asked")
