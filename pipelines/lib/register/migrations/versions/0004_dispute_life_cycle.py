"""What an event of a dispute is about: its amount, the claim, the CDR that tells it, and when it was written down."""

import sqlalchemy as sa
from alembic import op

from pipelines.lib.register.tables import DISPUTE_EVENTS

revision = "0004"
down_revision = "0003"

_ADDED = ("amount", "claimed", "related_cdr_key", "recorded_at")


def upgrade() -> None:
    """Add the columns where 0001 has not made them already; events of before have none of these facts."""
    bind = op.get_bind()
    present = {column["name"] for column in sa.inspect(bind).get_columns(DISPUTE_EVENTS.name)}
    for name in _ADDED:
        if name not in present:
            op.add_column(DISPUTE_EVENTS.name, sa.Column(name, DISPUTE_EVENTS.c[name].type, nullable=True))


def downgrade() -> None:
    """Drop the columns; only a register without disputes may lose them."""
    for name in reversed(_ADDED):
        op.drop_column(DISPUTE_EVENTS.name, name)
