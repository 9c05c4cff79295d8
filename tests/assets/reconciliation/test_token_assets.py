"""Token risk and CPO invoice checks in Dagster: what people decided counts, and what they checked is exported."""

from datetime import timedelta
from decimal import Decimal

import dagster as dg
import pytest

from models.reconciliation.cpo_invoices.check import Books, check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceLine
from models.reconciliation.cpo_invoices.totals import add_up
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from models.types.vocabularies import TokenDecisionKind
from pipelines.defs.reconciliation import cpo_invoice_assets, token_assets
from pipelines.defs.resources import Home
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.cpo_invoices import InvoiceCheck, record_check
from pipelines.lib.register.token_decisions import TokenDecision, record_token_decision
from pipelines.lib.settings import load_settings
from tests.unit.reconciliation.roaming_world import COMPANY, START, World, rows_of

OCTOBER = BillingMonth(2026, 10)
ASSETS = [
    token_assets.token_risk,
    *token_assets.token_checks,
    cpo_invoice_assets.cpo_invoice_checks,
    *cpo_invoice_assets.cpo_invoice_contracts,
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home with a session of a card that somebody had blocked the day before."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-04T23:30:00Z")
    world = World()
    world.cdr("C1")
    lake = Lake(load_settings().lake)
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [COMPANY]))
    for name in ("connectors", "tokens"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)))
    for name in ("cdrs", "authorizations"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)), OCTOBER)
    yesterday = START - timedelta(days=1)
    decision = TokenDecision("T1", "RFID", TokenDecisionKind.BLOCK, "stolen", None, (), "ada", yesterday)
    with Register(load_settings().register).transaction() as tx:
        record_token_decision(tx, decision)
    return lake


def materialise():
    return dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10")


def test_a_token_used_after_its_block_is_to_be_blocked_and_tables_fit_their_contracts(home):
    assert materialise().success
    (risk,) = home.read(Layer.MATCHED, "token_risks", OCTOBER).to_dicts()
    (signal,) = home.read(Layer.MATCHED, "token_signals", OCTOBER).to_dicts()
    assert (risk["token_uid"], risk["score"], risk["recommended_action"]) == ("T1", 60, "block")
    assert (signal["signal_id"], signal["use_key"], signal["amount"]) == ("T04", "DE*LDW*C1", Decimal("3.00"))


def test_what_was_checked_is_exported_from_the_register(home):
    invoice = CpoInvoice("I-1", (InvoiceLine(1, "C1", Decimal("3.00")),))
    books = Books(home.read(Layer.TYPED, "cdrs", OCTOBER), table(Layer.MATCHED, "verdicts").empty())
    lines = check_lines(invoice.frame(), "DE*LDW", "I-1", books)
    with Register(load_settings().register).transaction() as tx:
        record_check(tx, InvoiceCheck("DE*LDW", "I-1", "f" * 64, "ada", START), add_up(invoice, lines))
    assert materialise().success
    (line,) = home.read(Layer.LEDGER, "cpo_invoice_checks").to_dicts()
    assert (line["invoice_id"], line["outcome"], line["payable_excl_vat"]) == ("I-1", "held", 0)
    assert line["disputed_excl_vat"] == Decimal("3.00")
