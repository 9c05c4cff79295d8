"""The close: what it bills, what it refuses, and that it can be killed anywhere and run again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from sqlalchemy.exc import IntegrityError

from models.billing.charges import Books, session_charges
from models.billing.fees import fee_charges
from models.billing.invariants import numbering_violations
from models.billing.records import master_data
from models.billing.reimbursements import reimbursements
from models.billing.selection import retail_subjects
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib import close as closing
from pipelines.lib.close import close_month
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.reference_data import home_rates, vat_rates
from pipelines.lib.register import Register
from pipelines.lib.register.closes import finished_closes, started_as_of
from pipelines.lib.register.documents import billed_ids, find_document, issued_documents
from tests.unit.billing.billing_world import (
    NOVEMBER_5,
    OCTOBER,
    cdr_row,
    component_row,
    frame,
    master_tables,
    retail_row,
    verdict_row,
    write_master,
)

LEDGER = ("documents", "document_lines", "document_vat", "closes")
CDRS = [
    cdr_row(1, "DE-NST-ANNA"),
    cdr_row(2, "DE-NST-ALPEN1", "FR"),
    cdr_row(3, "DE-NST-ALPEN1", is_home_charging=True, evse_id="DE*SWM*HOME1"),
    cdr_row(4, "DE-NST-ANNA"),
]
VERDICTS = [verdict_row(1), verdict_row(2), verdict_row(3), verdict_row(4, "hold")]


def build(lake: Lake, cdrs=None, verdicts=None, month: BillingMonth = OCTOBER) -> None:
    """Write a month as the assets do, with retail prices of 0.59 EUR for each of ten kWh."""
    typed = frame(Layer.TYPED, "cdrs", CDRS if cdrs is None else cdrs)
    judged = frame(Layer.MATCHED, "verdicts", VERDICTS if verdicts is None else verdicts)
    away = typed.filter(~pl.col("is_home_charging"))
    numbers = [
        (int(key[-6:]), contract == "DE-NST-ANNA") for key, contract in away["cdr_key", "contract_id"].iter_rows()
    ]
    retail = frame(Layer.PRICED, "retail_cdrs", [retail_row(n, "5.9", is_gross=gross) for n, gross in numbers])
    parts = [component_row(n, 0, "ENERGY", "10", "0.59", is_gross=gross) for n, gross in numbers]
    tables = master_tables()
    books = Books(master_data(tables), vat_rates())
    sessions = session_charges(retail_subjects(typed, tables), retail, judged, books)
    write_master(lake)
    lake.write(Layer.TYPED, "cdrs", typed, month)
    lake.write(Layer.MATCHED, "verdicts", judged, month)
    lake.write(Layer.PRICED, "retail_cdrs", retail, month)
    lake.write(Layer.PRICED, "retail_components", frame(Layer.PRICED, "retail_components", parts), month)
    lake.write(Layer.BILLED, "charges", pl.concat([sessions, fee_charges(month, books)]).sort("charge_id"), month)
    lake.write(Layer.BILLED, "reimbursements", reimbursements(typed, judged, books, home_rates()), month)


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    build(lake)
    return lake


@pytest.fixture
def register(tmp_path) -> Register:
    return Register(f"sqlite:///{tmp_path}/register/register.sqlite")


def state(lake: Lake, register: Register) -> tuple[object, ...]:
    """Everything that a close leaves behind."""
    with register.transaction() as tx:
        documents = [(d.document_number, d.content_sha256) for d in issued_documents(tx)]
        billed = billed_ids(tx)
    tables = [lake.read(Layer.LEDGER, name).drop("closed_at", strict=False).rows() for name in LEDGER]
    return documents, billed, tables


def test_a_close_bills_what_is_accepted_and_seals_it(lake, register):
    report = close_month(lake, register, OCTOBER, NOVEMBER_5)
    assert (report.invoices, report.monthly_bills, report.statements) == (5, 4, 1)
    assert (report.sessions, report.home_sessions, report.is_new) == (2, 1, True)
    (totals,) = report.totals
    # ANNA 5.90 gross; ALPEN 5.90 + 20 % and 3.90 + 19 %; BRAM 7.99 gross; POLDER 3.90 reverse charge
    assert totals.total == Decimal("5.90") + Decimal("7.08") + Decimal("4.64") + Decimal("7.99") + Decimal("3.90")
    assert totals.reimbursed == Decimal("3.40")
    with register.transaction() as tx:
        assert billed_ids(tx) == {
            "S:XX*CPO*000001",
            "S:XX*CPO*000002",
            "H:XX*CPO*000003",
            "F:DE-NST-ALPEN1:2026-10",
            "F:DE-NST-BRAM:2026-10",
            "F:DE-NST-POLDER1:2026-10",
        }
        invoice = find_document(tx, "INV-DE-2026-000002").content
    assert str(invoice.issued_on) == "2026-11-05"
    assert [line.label for line in invoice.lines[0].price_lines] == ["energy"]


def test_the_ledger_is_the_register(lake, register):
    report = close_month(lake, register, OCTOBER, NOVEMBER_5)
    documents = lake.read(Layer.LEDGER, "documents")
    invoices = documents.filter(pl.col("kind") == "invoice")
    assert invoices["total"].sum() == report.totals[0].total
    assert documents.filter(pl.col("kind") == "monthly_bill")["total"].sum() == report.totals[0].total
    assert lake.read(Layer.LEDGER, "document_vat")["vat_amount"].sum() == report.totals[0].vat_total
    assert lake.read(Layer.LEDGER, "document_lines").height == 6
    assert lake.read(Layer.LEDGER, "closes")["outputs_sha256"].to_list() == [report.outputs_sha256]
    parents = set(invoices["parent_document_id"])
    assert parents == set(documents.filter(pl.col("kind") == "monthly_bill")["document_id"])


def test_closing_again_issues_nothing_and_writes_nothing(lake, register):
    first = close_month(lake, register, OCTOBER, NOVEMBER_5)
    before, files = state(lake, register), _files(lake)
    again = close_month(lake, register, OCTOBER, NOVEMBER_5 + timedelta(days=9))
    assert again == first
    assert not again.is_new
    assert (state(lake, register), _files(lake)) == (before, files)


def test_a_dry_run_issues_nothing_and_gives_the_same_totals(lake, register):
    tried = close_month(lake, register, OCTOBER, NOVEMBER_5, dry_run=True)
    with register.transaction() as tx:
        assert issued_documents(tx) == []
        assert started_as_of(tx, OCTOBER.first_day) is None
    assert not lake.fs.exists(lake.path(Layer.LEDGER, "documents"))
    assert tried == close_month(lake, register, OCTOBER, NOVEMBER_5)


@pytest.mark.parametrize("step", ["issue_documents", "finish_close", "export_ledger", "_assemble", "refuse_unready"])
def test_killed_anywhere_and_run_again_ends_in_the_same_state(lake, register, tmp_path, monkeypatch, step):
    undisturbed = Lake(str(tmp_path / "other"))
    build(undisturbed)
    other = Register(f"sqlite:///{tmp_path}/other.sqlite")
    close_month(undisturbed, other, OCTOBER, NOVEMBER_5)

    def die(*_args, **_more):
        message = "killed"
        raise KeyboardInterrupt(message)

    with monkeypatch.context() as patch:
        patch.setattr(closing, step, die)
        with pytest.raises(KeyboardInterrupt):
            close_month(lake, register, OCTOBER, NOVEMBER_5)
    close_month(lake, register, OCTOBER, NOVEMBER_5)
    assert state(lake, register) == state(undisturbed, other)


def test_killed_after_the_documents_were_inserted_leaves_no_hole(lake, register, monkeypatch):
    def die(*_args, **_more):
        message = "killed"
        raise KeyboardInterrupt(message)

    with monkeypatch.context() as patch:
        patch.setattr(closing, "finish_close", die)
        with pytest.raises(KeyboardInterrupt):
            close_month(lake, register, OCTOBER, NOVEMBER_5)
    with register.transaction() as tx:
        assert issued_documents(tx) == []
        assert finished_closes(tx) == []
    later = close_month(lake, register, OCTOBER, NOVEMBER_5 + timedelta(hours=3))
    assert later.as_of == NOVEMBER_5, "the first start fixes the instant"
    with register.transaction() as tx:
        assert numbering_violations(d.content for d in issued_documents(tx)) == []


def test_a_month_that_is_not_over_is_refused(lake, register):
    last_second = datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC)
    with pytest.raises(UserError) as refused:
        close_month(lake, register, OCTOBER, last_second)
    assert str(refused.value) == "2026-10 is not over until 2026-11-01 00:00 Europe/Berlin: close it after that"
    assert close_month(lake, register, OCTOBER, last_second + timedelta(seconds=1)).is_new


def test_a_late_record_is_billed_by_the_next_close(lake, register):
    close_month(lake, register, OCTOBER, NOVEMBER_5)
    late = cdr_row(5, "DE-NST-ANNA", received_at=NOVEMBER_5 + timedelta(days=1))
    build(lake, [*CDRS, late], [*VERDICTS, verdict_row(5)])
    november = BillingMonth(2026, 11)
    build(lake, [], [], november)
    report = close_month(lake, register, november, datetime(2026, 12, 5, tzinfo=UTC))
    assert report.sessions == 1
    with register.transaction() as tx:
        (invoice,) = [
            d.content
            for d in issued_documents(tx, november.first_day)
            if d.account_id == "ANNA" and d.kind == "invoice"
        ]
    assert [line.charge_id for line in invoice.lines] == ["S:XX*CPO*000005"]
    assert (invoice.document_number, str(invoice.period_to)) == ("INV-DE-2026-000006", "2026-10-21")


def test_a_record_received_after_the_close_was_started_waits(lake, register, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(closing, "_issue", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            close_month(lake, register, OCTOBER, NOVEMBER_5)
    late = cdr_row(5, "DE-NST-ANNA", received_at=NOVEMBER_5 + timedelta(hours=1))
    build(lake, [*CDRS, late], [*VERDICTS, verdict_row(5)])
    close_month(lake, register, OCTOBER, NOVEMBER_5 + timedelta(hours=2))
    with register.transaction() as tx:
        assert "S:XX*CPO*000005" not in billed_ids(tx)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (VERDICTS[1:], r"2026-10 cannot be closed: 1 CDRs without a verdict, the first is XX\*CPO\*000001"),
        ([*VERDICTS, verdict_row(9)], "1 verdicts without a CDR"),
        ([*VERDICTS, verdict_row(1, "hold")], "2 CDRs with several verdicts"),
    ],
)
def test_the_gate_holds_records_to_conservation(lake, register, verdicts, words):
    lake.write(Layer.MATCHED, "verdicts", frame(Layer.MATCHED, "verdicts", verdicts), OCTOBER)
    with pytest.raises(UserError, match=words):
        close_month(lake, register, OCTOBER, NOVEMBER_5)


def test_an_accepted_session_that_was_not_charged_is_refused(lake, register):
    verdicts = [*VERDICTS[:3], verdict_row(4)]
    lake.write(Layer.MATCHED, "verdicts", frame(Layer.MATCHED, "verdicts", verdicts), OCTOBER)
    with pytest.raises(UserError, match="1 accepted CDRs that are neither charged nor reimbursed"):
        close_month(lake, register, OCTOBER, NOVEMBER_5)


def test_a_charge_whose_session_is_no_longer_accepted_is_not_billed(lake, register):
    verdicts = [verdict_row(1, "hold"), *VERDICTS[1:]]
    lake.write(Layer.MATCHED, "verdicts", frame(Layer.MATCHED, "verdicts", verdicts), OCTOBER)
    close_month(lake, register, OCTOBER, NOVEMBER_5)
    with register.transaction() as tx:
        assert "S:XX*CPO*000001" not in billed_ids(tx)


def test_a_missing_exchange_rate_is_one_line_for_the_user(lake, register):
    build(lake, [cdr_row(1, "DE-NST-ANNA", "DK")], [verdict_row(1)])
    write_master(lake, fx_rates=[])
    with pytest.raises(UserError, match="VAT of DK needs EUR in DKK on 2026-10-21"):
        close_month(lake, register, OCTOBER, NOVEMBER_5)
    with register.transaction() as tx:
        assert issued_documents(tx) == []


def test_books_without_a_company_and_a_month_never_built_are_named(tmp_path, register):
    empty = Lake(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="master/legal_entities is empty"):
        close_month(empty, register, OCTOBER, NOVEMBER_5)
    write_master(empty)
    with pytest.raises(UserError, match="billed/charges of 2026-10 was never built"):
        close_month(empty, register, OCTOBER, NOVEMBER_5)


def test_the_register_refuses_to_bill_anything_twice_or_to_change_a_document(lake, register):
    close_month(lake, register, OCTOBER, NOVEMBER_5)
    with pytest.raises(IntegrityError), register.transaction() as tx:
        tx.exec_driver_sql("INSERT INTO billings VALUES ('S:XX*CPO*000001', 'inv-de-2026-000001', 99)")
    with pytest.raises(IntegrityError, match="append-only"), register.transaction() as tx:
        tx.exec_driver_sql("UPDATE documents SET content_json = '{}'")


def _files(lake: Lake) -> dict[str, float]:
    return {name: lake.fs.modified(lake.path(Layer.LEDGER, name)) for name in LEDGER}
