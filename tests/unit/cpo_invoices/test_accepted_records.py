"""Records of accepted CDRs: what our own reader reads back, and what is too long to be listed is named."""

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from models.ocpi.fields import Fields
from models.ocpi.invoice_records import read_invoice_record
from models.reconciliation.cpo_invoices.record import accepted_record, record_id
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.commands import cpo_invoices as command
from pipelines.lib.cpo_invoices.checking import read_invoice
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.settings import Settings
from tests.unit.cpo_invoices.invoice_world import CPO, InvoiceWorld

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
LONG = "c" * 37 + "-C"


class Desk:
    """A home in which invoices are checked, and what the last command printed."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        (folder / "register").mkdir()
        settings = Settings(home=folder, now=NOW)
        monkeypatch.setattr(command, "load_settings", lambda: settings)
        world = InvoiceWorld()
        world.cdr("MiXed-4", "4.00")
        world.cdr(LONG, "5.00")
        books, lake = world.books(), Lake(settings.lake)
        lake.write(Layer.TYPED, "cdrs", books.cdrs, BillingMonth(2026, 10))
        lake.write(Layer.MATCHED, "verdicts", books.verdicts, BillingMonth(2026, 10))

    def check(self, *rows, invoice="Inv/1"):
        path = self.folder / "invoice.csv"
        path.write_text("\n".join(["cdr_id,amount_excl_vat,vat_rate_pct", *rows]))
        command.check(path, CPO, invoice, None, "ada", Console(file=io.StringIO()), as_json=False, dry=False)

    def export(self, invoice="Inv/1", cpo="de-ldw", output=None):
        screen, complaints = (Console(file=io.StringIO(), width=60) for _ in range(2))
        code = command.export(invoice, cpo, output, screen, complaints)
        return code, screen.file.getvalue(), complaints.file.getvalue()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    return Desk(tmp_path, monkeypatch)


def test_the_record_names_accepted_cdrs_as_their_cpo_spelled_them(desk):
    desk.check("C1,10.00,19", "c2,20.00,19", "C3,31.00,19", "mixed-4,4.00,19")
    code, text, complaints = desk.export("INV/1")
    assert (code, complaints) == (0, "")
    assert json.loads(text) == {
        "country_code": "DE",
        "party_id": "LDW",
        "id": record_id(CPO, "inv/1"),
        "invoice_id": "Inv/1",
        "cdrs": ["C1", "C2", "C3", "MiXed-4"],
        "last_updated": "2026-11-05T06:00:00Z",
    }


def test_our_readers_give_the_same_ids_back(desk, tmp_path):
    desk.check("C1,10.00,19", "MiXed-4,4.00,19")
    file = tmp_path / "record.json"
    code, told, _ = desk.export(output=file)
    assert (code, "2 accepted CDRs of invoice Inv/1" in told) == (0, True)
    invoice = read_invoice(file, CPO, None).invoice
    assert (invoice.invoice_id, invoice.cpo_id) == ("Inv/1", CPO)
    assert [line.cdr_id for line in invoice.lines] == ["C1", "MiXed-4"]
    read = read_invoice_record(Fields("record", json.loads(file.read_bytes())), None)
    assert [(row.cpo_id, row.cdr_id, row.cdr_key) for row in read] == [
        (CPO, "C1", "DE*LDW*C1"),
        (CPO, "MiXed-4", "DE*LDW*MIXED-4"),
    ]
    again = tmp_path / "again.json"
    desk.export(output=again)
    assert again.read_bytes() == file.read_bytes()


def test_ids_that_do_not_fit_are_named_and_not_dropped(desk):
    desk.check("C1,10.00,19", f"{LONG},5.00,19")
    code, text, complaints = desk.export()
    assert (code, json.loads(text)["cdrs"]) == (1, ["C1"])
    assert complaints.startswith("warning: 1 accepted CDRs cannot be listed")
    assert (repr(LONG) in complaints, complaints.count("\n")) == (True, 1)


def test_what_is_payable_in_part_is_named_and_not_listed(desk):
    desk.check("C1,10.00,19", "C2,15.00,19")
    code, text, complaints = desk.export()
    assert (code, json.loads(text)["cdrs"]) == (1, ["C1"])
    assert complaints == (
        "warning: 1 CDRs are payable in part and not listed, a record has no amounts; "
        "tell the CPO by other means: 'C2'\n"
    )


def test_where_no_id_fits_there_is_no_record(desk, tmp_path):
    desk.check(f"{LONG},5.00,19")
    file = tmp_path / "record.json"
    code, text, complaints = desk.export(output=file)
    assert (code, text, repr(LONG) in complaints, file.exists()) == (1, "", True, False)


def test_an_invoice_without_accepted_cdrs_is_refused(desk):
    with pytest.raises(UserError, match="was never checked"):
        desk.export()
    desk.check("C9,11.00,19")
    with pytest.raises(UserError, match="has no accepted CDR"):
        desk.export()
    with pytest.raises(UserError, match="was never checked"):
        desk.export(cpo="NL*VLT")


def test_thirty_six_characters_fit_and_ids_differing_by_case_are_one():
    fits, too_long = "a" * 36, "b" * 37
    accepted = accepted_record(CPO, "I-1", [too_long, fits, fits.upper()], NOW)
    assert accepted.record is not None
    assert (len(accepted.record["cdrs"]), accepted.unlisted) == (1, (too_long,))
    assert len(accepted.record["id"]) <= 36
