"""Opening the register: engine, migrations, transactions."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url

from pipelines.lib.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class Register:
    """The register behind a SQLAlchemy URL, migrated to the newest schema when it is opened."""

    url: str
    engine: Engine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Create the SQLite folder where needed, open the engine and run pending migrations."""
        url = make_url(self.url)
        if url.get_backend_name() == "sqlite" and url.database:
            _make_private(Path(url.database).parent)
        engine = create_engine(url)
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_immediate)
        object.__setattr__(self, "engine", engine)
        _migrate(engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose work is committed as one, or not at all."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that only reads what is committed: it never waits for a writer, and no writer for it."""
        with self.engine.connect().execution_options(**{_READS_ONLY: True}) as connection:
            yield connection


_READS_ONLY: Final = "roamledger_reads_only"


def _make_private(folder: Path) -> None:
    """Make the register's folder for its owner alone: it holds names, addresses and amounts; an existing one stays."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder {folder} of the register cannot be made ({error.strerror}): check ROAMLEDGER_HOME"
        raise UserError(msg) from None


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Without isolation_level None the driver begins transactions by itself, late, and two closers could read the same
    # next number before either writes it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
