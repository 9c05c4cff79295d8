"""Two months, from HTTP to PDF: what was issued is right, what was planted is found, what is broken is named."""

import json
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
import sqlalchemy as sa

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.tables import CLOSE_EVENTS, DOCUMENTS, RENDERINGS
from pipelines.sandbox.world import build_world
from tests.unit.intake.little_peer import cdr
from tests.unit.receiver.left_spool import leave

pytestmark = pytest.mark.slow
MONTH = BillingMonth(2026, 10)
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def truth(company):
    return build_world(company.seed, company.sessions, MONTH).truth


@pytest.fixture(scope="module")
def lake(company):
    return Lake(str(company.home / "lake"))


def months_until(month):
    return {str(month), str(month.previous)}


def month_of(first_day):
    return f"{first_day:%Y-%m}"


def test_every_issued_invoice_equals_the_truth_to_the_cent(lake, truth):
    lines = Counter(lake.read(Layer.LEDGER, "document_lines")["document_id"])
    issued = Counter(
        (
            row["account_id"],
            f"{row['billing_month']:%Y-%m}",
            row["seller_vat_id"],
            row["currency"],
            row["net_total"],
            row["vat_total"],
            row["rounding_amount"],
            row["total"],
            lines[row["document_id"]],
        )
        for row in lake.read(Layer.LEDGER, "documents").filter(kind="invoice").iter_rows(named=True)
    )
    right = Counter(
        (
            each.account_id,
            month_of(each.bill_month),
            each.seller_vat_id,
            each.currency,
            each.net_total,
            each.vat_total,
            each.rounding_amount,
            each.total,
            each.lines,
        )
        for each in truth.invoices
        if month_of(each.bill_month) in months_until(MONTH)
    )
    assert issued == right
    assert sum(issued.values()) > 50


def test_every_bill_and_every_refund_equals_the_truth_to_the_cent(lake, truth):
    documents = lake.read(Layer.LEDGER, "documents").with_columns(month=pl.col("billing_month").dt.strftime("%Y-%m"))
    bills = documents.filter(kind="monthly_bill").select("account_id", "month", "total").rows()
    refunds = documents.filter(kind="reimbursement_statement").select("driver_id", "month", "total").rows()
    wanted = months_until(MONTH)
    assert sorted(bills) == sorted(
        (each.account_id, month_of(each.bill_month), each.total)
        for each in truth.bills
        if month_of(each.bill_month) in wanted
    )
    assert sorted(refunds) == sorted(
        (each.driver_id, month_of(each.bill_month), each.total)
        for each in truth.reimbursements
        if month_of(each.bill_month) in wanted
    )
    assert bills
    assert refunds


def test_every_planted_fault_is_found_and_no_clean_cdr_is_held(lake, truth):
    verdicts = dict(lake.read_months(Layer.MATCHED, "verdicts").select("cdr_key", "verdict").rows())
    judged = [each for each in truth.cdrs if each.cdr_key in verdicts]
    planted = [each for each in judged if each.faults]
    assert [each.cdr_key for each in planted if verdicts[each.cdr_key] != "hold"] == []
    assert [each.cdr_key for each in judged if not each.faults and verdicts[each.cdr_key] != "accept"] == []
    kinds = {fault for each in planted for fault in each.faults.split(";")}
    assert len(kinds) == 7
    of_closed_months = [each for each in truth.cdrs if month_of(each.billing_month) in months_until(MONTH)]
    assert {each.cdr_key for each in of_closed_months} <= set(verdicts)


def test_what_arrives_late_is_billed_with_the_next_month(lake):
    lines = lake.read(Layer.LEDGER, "document_lines").join(
        lake.read(Layer.LEDGER, "documents").select("document_id", billed_in="billing_month"), on="document_id"
    )
    cdrs = lake.read_months(Layer.TYPED, "cdrs").select("cdr_key", "billing_month")
    late = lines.join(cdrs, on="cdr_key").filter(pl.col("billed_in") > pl.col("billing_month"))
    assert late.height > 0
    assert set(late["billed_in"]) == {MONTH.first_day}


def test_the_demo_ends_with_a_summary(company):
    said = (company.home / "demo.txt").read_text()
    for word in (
        "Records received",
        "quarantined",
        "held and disputed",
        "Billed",
        "Margin by CPO",
        "PDFs",
        "Warehouse",
    ):
        assert word in said
    assert "Traceback" not in said


def test_everything_verifies(company):
    answer = company.json("verify", "--json")
    assert answer == {"months": answer["months"], "holds": True, "breaches": []}
    assert {"2026-09", "2026-10"} <= set(answer["months"])


def test_closing_again_issues_nothing_and_keeps_every_hash(company):
    def promises():
        with Register(f"sqlite:///{company.home}/register/register.sqlite").transaction() as tx:
            return [tx.execute(sa.select(table)).all() for table in (DOCUMENTS, CLOSE_EVENTS, RENDERINGS)]

    before = promises()
    said = company.run("close", "2026-10").stdout
    assert "had already issued" in said
    assert promises() == before


def test_a_line_leads_back_to_the_bytes_of_its_cdr(company, lake):
    line = (
        lake.read(Layer.LEDGER, "document_lines")
        .filter(pl.col("cdr_key").is_not_null() & pl.col("gross_amount").is_not_null())
        .join(lake.read(Layer.LEDGER, "documents").filter(kind="invoice"), on="document_id")
        .row(0, named=True)
    )
    trace = company.json("trace", line["document_number"], str(line["line_number"]), "--json")
    record = json.loads(trace["raw"]["record"], parse_float=Decimal)
    assert f"{record['country_code']}*{record['party_id']}*{record['id']}".upper() == line["cdr_key"]
    amounts = [Decimal(row["amount_incl_vat"]) for row in trace["retail_components"]]
    assert sum(amounts) == Decimal(trace["charge"]["precise_amount"])
    assert Decimal(trace["charge"]["gross_amount"]) == line["gross_amount"]
    assert trace["retail_tariff"]["tariff_version_id"] == trace["charge"]["tariff_version_id"]
    assert trace["verdict"]["verdict"] == "accept"


def test_analysts_find_no_person(company):
    with duckdb.connect(company.home / "warehouse" / "analytics.duckdb", read_only=True) as con:
        names = con.execute("select customer_name from dim_customers limit 1").fetchall() if _has_names(con) else []
    assert names == []


def _has_names(con):
    query = "select count(*) from duckdb_columns() where table_name = 'dim_customers' and column_name = 'customer_name'"
    return con.execute(query).fetchone() != (0,)


def one_cent_more(lake, layer, name, column, month=None):
    """Change the first amount of a table by a cent, behind everybody's back; give the key of its row."""
    frame = lake.read(layer, name, month)
    row = frame.with_row_index().filter(pl.col(column).is_not_null())["index"][0]
    changed = pl.when(pl.int_range(pl.len()) == row).then(pl.col(column) + CENT).otherwise(pl.col(column))
    broken = frame.with_columns(changed.cast(frame.schema[column]).alias(column))
    broken.write_parquet(lake.path(layer, name, month))
    return f"{layer}/{name}", column


def one_cent_more_landed(lake):
    """Do the same to a landed part, from which typed tables are made the next time; give the part and the column."""
    part = min(Path(lake.root).glob("landed/*/*/cdrs/*/*/cdrs.parquet"))
    frame = pl.read_parquet(part)
    frame.with_columns((pl.col("total_cost_excl_vat") + CENT).cast(frame.schema["total_cost_excl_vat"])).write_parquet(
        part
    )
    return str(part.relative_to(lake.root)), "total_cost_excl_vat"


BROKEN_TABLES = (
    (Layer.TYPED, "cdrs", "total_cost_excl_vat", MONTH),
    (Layer.TYPED, "tariff_components", "unit_price", None),
    (Layer.PRICED, "wholesale_components", "amount_excl_vat", MONTH),
    (Layer.PRICED, "retail_cdrs", "total_incl_vat", MONTH),
    (Layer.MATCHED, "verdicts", "recomputed_excl_vat", MONTH),
    (Layer.BILLED, "charges", "net_amount", MONTH),
    (Layer.BILLED, "reimbursements", "amount", MONTH),
    (Layer.LEDGER, "document_lines", "net_amount", None),
    (Layer.LEDGER, "document_vat", "vat_amount", None),
    (Layer.LEDGER, "documents", "total", None),
)


@pytest.fixture
def copy_of(company, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(company.home, home)
    return company.at(home)


def test_a_cent_changed_anywhere_is_named(copy_of):
    lake = Lake(str(copy_of.home / "lake"))
    places = [one_cent_more_landed(lake), *(one_cent_more(lake, *where) for where in BROKEN_TABLES)]
    register = Register(f"sqlite:///{copy_of.home}/register/register.sqlite")
    with register.transaction() as tx:
        tx.execute(sa.text("drop trigger documents_no_update"))
        bills = sa.select(DOCUMENTS).where(DOCUMENTS.c.kind == "monthly_bill")
        row = tx.execute(bills.order_by(DOCUMENTS.c.sequence.desc())).first()
        content = json.loads(row.content_json)
        content["total"] = str(Decimal(content["total"]) + CENT)
        tx.execute(
            DOCUMENTS.update()
            .where(DOCUMENTS.c.document_id == row.document_id)
            .values(content_json=json.dumps(content, sort_keys=True, separators=(",", ":")))
        )
        pdf = tx.execute(sa.select(RENDERINGS.c.path)).scalars().first()
    file = copy_of.home / "documents" / pdf
    file.write_bytes(file.read_bytes() + b"\n")
    leave(copy_of.home, cdr())

    done = copy_of.run("verify", "--json", check=False)
    assert done.returncode == 1
    named = [breach["place"] for breach in json.loads(done.stdout)["breaches"]]
    for table, column in places:
        assert any(place.startswith(table) and place.endswith(column) for place in named), (table, column)
    assert any(row.document_number in place and "total" in place for place in named)
    assert any(row.document_number in place and "content_json" in place for place in named)
    assert any(pdf in place for place in named)
    assert "receiver/spool" in named


def test_a_cent_changed_in_the_published_warehouse_is_named(copy_of):
    file = copy_of.home / "warehouse" / "warehouse.duckdb"
    with duckdb.connect(file) as con:
        con.execute(
            "update fct_invoices set total = total + 0.01"
            " where document_id = (select min(document_id) from fct_invoices)"
        )
    done = copy_of.run("verify", "--json", check=False)
    assert done.returncode == 1
    breaches = json.loads(done.stdout)["breaches"]
    assert {breach["place"] for breach in breaches} == {"warehouse fct_invoices"}


def test_a_changed_raw_page_is_named(copy_of):
    page = next((copy_of.home / "lake" / "raw").rglob("cdrs/*/00000.pages.zst"))
    other = next((copy_of.home / "lake" / "raw").rglob("tariffs/*/00000.pages.zst"))
    page.write_bytes(other.read_bytes())
    done = copy_of.run("verify", check=False)
    assert done.returncode == 1
    assert "was changed after it was received" in " ".join(done.stdout.split())  # the terminal wraps where it likes
    assert "Traceback" not in done.stdout + done.stderr
