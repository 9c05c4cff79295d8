"""A register from before approvals knew what was asked: it is migrated, and what it approved still counts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from models.reconciliation.cpo_invoices.check import check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceLine
from models.reconciliation.cpo_invoices.totals import add_up
from pipelines.lib.register import Register, engine
from pipelines.lib.register.cpo_invoices import InvoiceCheck, approved_cdrs, export_checks, record_check
from tests.unit.cpo_invoices.invoice_world import CPO, InvoiceWorld

THEN, NOW = datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC)
LINE = (
    '[{"line_number":1,"cdr_id":"C1","cdr_key":"DE*LDW*C1","outcome":"held","asked_excl_vat":"10.00",'
    '"claimed_excl_vat":"10.00","difference_excl_vat":"2.50","payable_excl_vat":"7.50","disputed_excl_vat":"2.50",'
    '"vat_rate_pct":null,"vat_amount":null,"currency":"EUR","reason":"in dispute","billing_month":"2026-10-01"}]'
)


@pytest.fixture
def register(tmp_path):
    """Give a register in which an older version approved 7.50 of a CDR under I-1."""
    url = f"sqlite:///{tmp_path}/register.sqlite"
    old = Register(url)
    with old.engine.begin() as tx:
        config = Config()
        config.set_main_option("script_location", str(engine._MIGRATIONS))
        config.attributes["connection"] = tx
        command.downgrade(config, "0004")
        assert "asked" not in {each["name"] for each in sa.inspect(tx).get_columns("cpo_invoice_approvals")}
        check = {"result": LINE, "sha": "0" * 64, "at": THEN.isoformat(" ")}
        tx.execute(
            sa.text(
                "INSERT INTO cpo_invoice_checks (cpo_id, invoice_id, file_sha256, result_json, result_sha256, actor, "
                "checked_at) VALUES ('DE*LDW', 'I-1', :sha, :result, :sha, 'ada', :at)"
            ),
            check,
        )
        tx.execute(
            sa.text(
                "INSERT INTO cpo_invoice_approvals (cdr_key, event_index, kind, check_id, cpo_id, invoice_id, amount, "
                "currency, happened_at) VALUES ('DE*LDW*C1', 0, 'approved', 1, 'DE*LDW', 'I-1', '7.50', 'EUR', :at)"
            ),
            {"at": check["at"]},
        )
    return Register(url)


def test_what_was_approved_before_counts_and_the_rest_is_payable(register):
    invoice = CpoInvoice("I-1", (InvoiceLine(1, "C1", Decimal("10.00")),))
    with register.transaction() as tx:
        standing = approved_cdrs(tx)
        assert standing.rows() == [("DE*LDW*C1", "I-1", Decimal("7.50"), None)]
        known = InvoiceWorld().books(approved=[("C1", "I-1", "7.50", None)])
        result = add_up(invoice, check_lines(invoice.frame(), CPO, "I-1", known))
        record_check(tx, InvoiceCheck(CPO, "I-1", "1" * 64, "ada", NOW), result)
    assert result.to_pay_now == {"EUR": Decimal("2.50")}
    with register.reading() as tx:
        assert approved_cdrs(tx).rows() == [("DE*LDW*C1", "I-1", Decimal("10.00"), Decimal("10.00"))]
        lines = export_checks(tx)
    before = lines.filter(check_id=1).row(0, named=True)
    assert (before["payable_excl_vat"], before["to_pay_now_excl_vat"], before["owed_excl_vat"]) == (
        *(Decimal("7.50"), None),
        None,
    )
