"""The first register: pulls, closes, documents, billings, renderings, dispute events; all append-only."""

from alembic import op

from pipelines.lib.register.tables import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables, and on SQLite the triggers that refuse to rewrite history."""
    bind = op.get_bind()
    METADATA.create_all(bind)
    if bind.dialect.name != "sqlite":
        return
    for table in METADATA.sorted_tables:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
                f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
            )


def downgrade() -> None:
    """Drop everything; only an empty register may be thrown away."""
    METADATA.drop_all(op.get_bind())
