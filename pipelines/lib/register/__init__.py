"""The register: the promises and decisions, each in one transaction, append-only.

SQLite in WAL mode by default, PostgreSQL by URL. Tables are in `tables.py`, their history in `migrations/`, and each
area has a module of functions that take a `sqlalchemy.Connection` inside the caller's transaction.
"""

from pipelines.lib.register.engine import Register

__all__ = ["Register"]
