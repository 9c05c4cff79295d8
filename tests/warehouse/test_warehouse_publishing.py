"""What is published is tested, whole, and for analysts without persons; a failing build changes nothing for readers."""

import hashlib
import hmac
import stat
from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from models.schemas.registry import TABLES, Layer, table
from models.types.time import BillingMonth
from pipelines.lib.dbt import DbtFailedError, NodeResult, raise_for_failures
from pipelines.lib.lake import Lake
from pipelines.lib.pseudonyms import key_of, macro_sql
from pipelines.lib.warehouse import build_and_publish, complete


def test_unit_tests_and_data_tests_ran_and_passed(published):
    kinds = {result.kind for result in published[1].results}
    assert kinds == {"model", "test", "unit_test"}
    assert {result.status for result in published[1].results} == {"success", "pass"}


def test_published_files_hold_marts_only(published):
    with duckdb.connect(str(published[1].published.finance), read_only=True) as con:
        schemas = con.sql("select distinct schema_name from duckdb_tables()").fetchall()
        views = con.sql("select view_name from duckdb_views() where not internal").fetchall()
    assert (schemas, views) == ([("main",)], [])


def test_nothing_personal_is_found_in_the_analytics_file(published, personal_values):
    files = published[1].published
    finance, analytics = _words(files.finance), _words(files.analytics)
    assert {value for value in personal_values if value in finance}  # the search does find what is there
    assert {value for value in personal_values if value in analytics} == set()
    content = files.analytics.read_bytes()
    assert [value for value in personal_values if value.encode() in content] == []


def test_public_facts_stay_readable_for_analysts(published):
    with duckdb.connect(str(published[1].published.analytics), read_only=True) as con:
        rows = con.sql("select cdr_id, evse_id from fct_cdrs where cdr_id in ('C2', 'C5') order by 1").fetchall()
    assert rows[0] == ("C2", "DK*STR*E1")
    assert len(rows[1][1]) == 16  # the home charger of C5 is a pseudonym


def test_a_person_is_the_same_pseudonym_in_every_table(published):
    with duckdb.connect(str(published[1].published.analytics), read_only=True) as con:
        joined = con.sql(
            "select count(*) from fct_cdrs join dim_contracts using (contract_id) join dim_customers "
            "on dim_contracts.account_id = dim_customers.account_id"
        ).fetchall()
    assert joined == [(8,)]


def test_a_pseudonym_is_the_head_of_an_hmac():
    key = bytes(range(32))
    with duckdb.connect() as con:
        con.execute(macro_sql(key))
        found = con.sql("select pseudonym('Müller'), pseudonym(null)").fetchall()
    assert found == [(hmac.new(key, "Müller".encode(), hashlib.sha256).hexdigest()[:16], None)]


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    file = tmp_path / "register" / "pseudonym.key"
    assert key_of(file) == key_of(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_young_home_is_completed_with_empty_tables(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    assert len(complete(lake)) == len(TABLES)
    assert lake.months(Layer.TYPED, "cdrs") == []
    assert lake.read(Layer.LEDGER, "dispute_events").is_empty()


def test_the_empty_month_of_a_young_home_goes_when_the_first_month_comes(tmp_path):
    """It has the columns of its time: DuckDB could not read it beside months that an upgrade made again."""
    lake = Lake(str(tmp_path / "lake"))
    complete(lake)
    files = f"{lake.root}/typed/sessions/*/part-0.parquet"
    (empty,) = lake.fs.glob(files)
    lake.write(Layer.TYPED, "sessions", table(Layer.TYPED, "sessions").empty(), BillingMonth(2026, 10))
    assert "typed/sessions" not in complete(lake)
    assert empty not in lake.fs.glob(files)
    assert len(lake.fs.glob(files)) == 1


def test_a_failing_test_names_itself_and_leaves_readers_alone(published, ask, broken_document):
    settings, _ = published
    with pytest.raises(DbtFailedError) as failure:
        build_and_publish(settings, Lake(settings.lake))
    said = str(failure.value)
    assert "fct_invoices_total_adds_up" in said or "assert_invoices_equal" in said or "fct_monthly_bills" in said
    assert "what was published before stays published" in said
    assert "\n" not in said
    assert ask("select total from fct_invoices where document_number = 'INV-DE-2026-000001'") == [
        {"total": Decimal("6.86")}
    ]


@pytest.fixture
def broken_document(published):
    """The lake of the published home with one invoice a cent too high, put right again afterwards."""
    lake = Lake(published[0].lake)
    right = lake.read(Layer.LEDGER, "documents")
    is_one = pl.col("document_number") == "INV-DE-2026-000001"
    cent_more = pl.when(is_one).then(pl.lit(Decimal("6.87"), pl.Decimal(18, 2))).otherwise(pl.col("total"))
    lake.write(Layer.LEDGER, "documents", right.with_columns(cent_more.alias("total")))
    yield
    lake.write(Layer.LEDGER, "documents", right)


def test_only_what_broke_is_an_error():
    skipped = NodeResult("model.b", "b", "model", "skipped", "", 0, 0.0)
    raise_for_failures([skipped])
    failed = NodeResult("test.a", "a", "test", "fail", "Got 1 result,\n  configured to fail", 1, 0.0)
    with pytest.raises(DbtFailedError, match="warehouse: test a: Got 1 result, configured to fail; "):
        raise_for_failures([skipped, failed])


def test_partitions_of_months_are_read_by_their_own_column(ask):
    assert BillingMonth(2026, 11).first_day == date(2026, 11, 1)
    assert ask("select billing_month, count(*) as n from fct_cdrs group by 1 order by 1") == [
        {"billing_month": date(2026, 10, 1), "n": 7},
        {"billing_month": date(2026, 11, 1), "n": 1},
    ]


def _words(file):
    """Give every text of every table of a DuckDB file, as one string."""
    with duckdb.connect(str(file), read_only=True) as con:
        names = [row[0] for row in con.sql("select table_name from duckdb_tables()").fetchall()]
        return "\n".join(str(row) for name in names for row in con.table(name).fetchall())
