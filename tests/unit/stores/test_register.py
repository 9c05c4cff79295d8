"""The register is append-only, transactional, and hands back the instants that it was given."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from pipelines.lib.register import Register
from pipelines.lib.register.tables import METADATA, PULLS

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
PULL = {"pull_id": "p1", "connection_id": "ldw", "module": "cdrs", "until": NOW, "pages": 1, "records": 2}


@pytest.fixture
def register(tmp_path):
    return Register(f"sqlite:///{tmp_path}/register/register.sqlite")


def insert_pull(register):
    with register.transaction() as tx:
        tx.execute(PULLS.insert().values(**PULL, finished_at=NOW))


def test_instants_come_back_aware(register):
    insert_pull(register)
    with register.transaction() as tx:
        assert tx.execute(sa.select(PULLS.c.until)).scalar_one() == NOW


@pytest.mark.parametrize("statement", [PULLS.delete(), PULLS.update().values(records=3)])
def test_history_cannot_be_rewritten(register, statement):
    insert_pull(register)
    with pytest.raises(sa.exc.IntegrityError, match="pulls is append-only"), register.transaction() as tx:
        tx.execute(statement)


def test_a_failing_transaction_leaves_nothing(register):
    twice = [PULL | {"finished_at": NOW}] * 2
    with pytest.raises(sa.exc.IntegrityError), register.transaction() as tx:
        tx.execute(PULLS.insert(), twice)
    with register.transaction() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(PULLS)).scalar_one() == 0


def test_opening_it_again_keeps_what_is_there(register):
    insert_pull(register)
    with Register(register.url).transaction() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(PULLS)).scalar_one() == 1


def test_every_table_says_its_grain():
    assert all(table.comment for table in METADATA.sorted_tables)
