"""Alembic's entry: runs on the connection that `Register` hands over, never on a URL of its own."""

from alembic import context

from pipelines.lib.register.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
