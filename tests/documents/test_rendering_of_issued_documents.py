"""Issued documents get their PDF once; a lost one comes back byte for byte, a wrong one is never put in its place."""

from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import select

from models.billing.canonical import sha256_of
from models.types.time import BillingMonth
from pipelines.lib.compute import Compute
from pipelines.lib.register import Register
from pipelines.lib.register.documents import issue_documents
from pipelines.lib.register.renderings import Rendering, record_rendering
from pipelines.lib.register.tables import RENDERINGS
from pipelines.lib.rendering import intact, render_documents
from pipelines.lib.settings import Settings

OCTOBER = BillingMonth(2026, 10)
NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
HERE = Compute(1)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, now=NOW)


@pytest.fixture
def register(settings, documents):
    register = Register(settings.register)
    issued = [documents["monthly_bill"], documents["reimbursement_statement"]]
    with register.transaction() as tx:
        issue_documents(tx, issued, NOW)
    return register


def hashes(register):
    with register.transaction() as tx:
        return {row.path: row.sha256 for row in tx.execute(select(RENDERINGS))}


def test_each_document_is_rendered_once_and_its_hash_registered(settings, register):
    report = render_documents(settings, register, HERE, OCTOBER)
    assert (report.documents, report.rendered, report.pages, report.differing) == (2, 2, 3, ())
    known = hashes(register)
    assert sorted(known) == ["2026-10/BILL-2026-000009.pdf", "2026-10/REIMB-2026-000002.pdf"]
    assert {path: sha256_of((settings.documents / path).read_bytes()) for path in known} == known
    again = render_documents(settings, register, HERE, OCTOBER)
    assert (again.documents, again.rendered, again.pages) == (2, 0, 0)


def test_a_lost_or_changed_file_comes_back_byte_for_byte_from_another_process(settings, register):
    render_documents(settings, register, HERE, OCTOBER)
    files = [settings.documents / path for path in hashes(register)]
    before = [file.read_bytes() for file in files]
    files[0].unlink()
    files[1].write_bytes(b"%PDF-1.7 something else")
    assert intact(settings, register, OCTOBER) == ([], ["BILL-2026-000009", "REIMB-2026-000002"])
    report = render_documents(settings, register, Compute(2), OCTOBER)
    assert (report.rendered, report.differing) == (2, ())
    assert [file.read_bytes() for file in files] == before


def test_bytes_that_differ_from_what_was_sent_are_told_and_not_written(settings, register):
    with register.transaction() as tx:
        record_rendering(tx, Rendering("bill-2026-000009", "2026-10/BILL-2026-000009.pdf", "0" * 64), NOW)
    report = render_documents(settings, register, HERE, OCTOBER)
    assert report.rendered == 1
    (line,) = report.differing
    assert line.startswith("2026-10/BILL-2026-000009.pdf came out with other bytes than were sent")
    assert not (settings.documents / "2026-10/BILL-2026-000009.pdf").exists()
    assert hashes(register)["2026-10/BILL-2026-000009.pdf"] == "0" * 64


def test_one_document_that_cannot_be_rendered_keeps_no_other_back(settings, register, build):
    bill = build["monthly_bill"](document_id="bill-2026-000010", document_number="BILL-2026-000010", sequence=10)
    account = msgspec.structs.replace(bill.payment.account, iban="DE00370400440532013000")
    payment = msgspec.structs.replace(bill.payment, account=account)
    with register.transaction() as tx:
        issue_documents(tx, [msgspec.structs.replace(bill, payment=payment)], NOW)
    report = render_documents(settings, register, HERE, OCTOBER)
    assert (report.documents, report.rendered) == (3, 2)
    assert "BILL-2026-000010 was not rendered: IBAN DE00370400440532013000" in report.differing[0]
