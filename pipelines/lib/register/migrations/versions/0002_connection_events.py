"""Connection events: which handshakes were completed, and when."""

from alembic import op

from pipelines.lib.register.tables import CONNECTION_EVENTS

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table where 0001 has not done so already, and on SQLite the triggers that keep it append-only."""
    bind = op.get_bind()
    CONNECTION_EVENTS.create(bind, checkfirst=True)
    if bind.dialect.name != "sqlite":
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS connection_events_no_{verb.lower()} BEFORE {verb} ON connection_events "
            "BEGIN SELECT RAISE(ABORT, 'connection_events is append-only'); END"
        )


def downgrade() -> None:
    """Drop the table; only an empty register may be thrown away."""
    CONNECTION_EVENTS.drop(op.get_bind(), checkfirst=True)
