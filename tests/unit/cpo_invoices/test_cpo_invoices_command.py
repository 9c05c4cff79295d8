"""`roamledger cpo-invoices check`: a table that reads well, an exit code, and a register that never approves twice."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from rich.console import Console

from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from pipelines.commands import cpo_invoices as command
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.cpo_invoices import approved_cdrs, export_checks
from pipelines.lib.settings import Settings
from tests.unit.cpo_invoices.invoice_world import InvoiceWorld

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


@pytest.fixture
def register(tmp_path):
    (tmp_path / "register").mkdir()
    return Register(f"sqlite:///{tmp_path}/register/register.sqlite")


@pytest.fixture
def check(tmp_path, register, monkeypatch):
    """Give a way to check a CSV invoice; it gives the exit code and what was printed."""
    settings = Settings(home=tmp_path, now=NOW)
    monkeypatch.setattr(command, "load_settings", lambda: settings)
    books, lake = InvoiceWorld().books(), Lake(settings.lake)
    lake.write(Layer.TYPED, "cdrs", books.cdrs, BillingMonth(2026, 10))
    lake.write(Layer.MATCHED, "verdicts", books.verdicts, BillingMonth(2026, 10))

    def check(*rows, invoice="I-1", output=None, as_json=False, dry=False):
        path = tmp_path / f"{invoice}.csv"
        path.write_text("\n".join(["cdr_id,amount_excl_vat,vat_rate_pct", *rows]))
        with (tmp_path / "screen").open("w") as screen:
            console = Console(width=220, record=True, file=screen)
            code = command.check(path, "DE*LDW", invoice, output, "ada", console, as_json=as_json, dry=dry)
        return code, console.export_text()

    return check


def approved(register):
    with register.transaction() as tx:
        return {key: under for key, under, amount, _ in approved_cdrs(tx).iter_rows() if amount is not None}


def test_a_good_invoice_is_approved_and_says_so(check, register):
    code, text = check("C1,10.00,19", "c2,20.00,19", "C3,30.00,19")
    assert code == 0
    assert "Check 1 is in the register." in text
    assert ("60.00" in text, "11.40" in text) == (True, True)
    assert approved(register) == {f"DE*LDW*C{number}": "I-1" for number in (1, 2, 3)}


def test_a_bad_one_fails_and_names_what_is_to_be_disputed(check, register):
    code, text = check("C1,12.50,19", "C9,5.00,19", ",1.00,19")
    assert code == 1
    assert "asks 12.50 EUR, the CDR claims 10.00 EUR" in text
    assert "we never received this CDR" in text
    assert "names no CDR: fill in cdr_id" in text
    assert "Not on the invoice" in text
    assert approved(register) == {"DE*LDW*C1": "I-1"}


def test_the_same_check_is_written_once(check, register):
    check("C1,10.00,19")
    _, text = check("C1,10.00,19")
    assert "Nothing new: check 1 said the same." in text
    with register.transaction() as tx:
        assert export_checks(tx)["check_id"].unique().to_list() == [1]


def test_no_second_invoice_gets_what_the_first_one_got(check, register):
    check("C1,10.00,19")
    code, text = check("C1,10.00,19", "C2,20.00,19", invoice="I-2")
    assert code == 1
    assert "approved already under invoice I-1" in text
    assert approved(register) == {"DE*LDW*C1": "I-1", "DE*LDW*C2": "I-2"}


def test_a_corrected_invoice_releases_what_it_no_longer_names(check, register):
    check("C1,10.00,19", "C2,20.00,19")
    check("C2,20.00,19")
    assert approved(register) == {"DE*LDW*C2": "I-1"}
    assert check("C1,10.00,19", invoice="I-2")[0] == 0
    assert approved(register) == {"DE*LDW*C1": "I-2", "DE*LDW*C2": "I-1"}


def test_a_dry_run_writes_nothing(check, register):
    _, text = check("C1,10.00,19", dry=True)
    assert "Nothing was written" in text
    assert approved(register) == {}


def test_json_has_exact_amounts_as_texts(check):
    code, text = check("C1,12.50,19", as_json=True)
    told = json.loads(text)
    assert (code, told["is_clean"], told["check_id"]) == (1, False, 1)
    assert told["totals"][0]["payable_excl_vat"] == "10.00"
    assert told["lines"][0]["disputed_excl_vat"] == "2.50"


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_lines_are_written_to_a_file(check, tmp_path, ending):
    output = tmp_path / f"lines.{ending}"
    check("C1,10.00,19", output=output)
    readers = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": lambda path: json.loads(path.read_text())}
    assert len(readers[ending](output)) == 3


def test_a_text_that_a_spreadsheet_would_compute_is_marked_in_csv(check, tmp_path):
    output = tmp_path / "lines.csv"
    check("=HYPERLINK(1),10.00,19", "C1,-5.00,19", output=output)
    rows = {row["line_number"]: row for row in pl.read_csv(output, infer_schema=False).iter_rows(named=True)}
    assert rows["2"]["cdr_id"] == "'=HYPERLINK(1)"
    assert (rows["3"]["cdr_id"], rows["3"]["asked_excl_vat"]) == ("C1", "-5.00")


def test_a_second_check_tells_what_was_approved_before_and_what_is_to_be_paid_now(check, tmp_path):
    output = tmp_path / "lines.csv"
    check("C1,8.00,19")
    _, text = check("C1,10.00,19", output=output)
    assert ("approved before" in text, "to pay now" in text) == (True, True)
    assert "To pay now, beyond what was approved before: 2.00 EUR excl. VAT" in text
    first = pl.read_csv(output, infer_schema=False).row(0, named=True)
    assert (first["payable_excl_vat"], first["approved_before_excl_vat"], first["to_pay_now_excl_vat"]) == (
        *("10.00", "8.00"),
        "2.00",
    )
    told = json.loads(check("C1,10.00,19", as_json=True)[1])
    assert told["to_pay_now_excl_vat"] == {"EUR": "0.00"}
    assert (told["lines"][0]["approved_before_excl_vat"], told["totals"][0]["to_pay_now_excl_vat"]) == ("10.00", "0.00")


def test_another_ending_is_refused_before_anything_is_written(check, register, tmp_path):
    with pytest.raises(UserError, match=r"a file ends in \.csv, \.parquet, \.json"):
        check("C1,10.00,19", output=tmp_path / "lines.xlsx")
    assert approved(register) == {}


def test_the_register_is_exported_as_it_was_written(check, register):
    check("C1,12.50,19", "C9,5.00,19")
    with register.transaction() as tx:
        rows = export_checks(tx)
    table(Layer.LEDGER, "cpo_invoice_checks").contract.validate(rows)
    first = rows.row(0, named=True)
    assert (first["cpo_id"], first["invoice_id"], first["actor"]) == ("DE*LDW", "I-1", "ada")
    assert (first["payable_excl_vat"], first["disputed_excl_vat"]) == (10, Decimal("2.50"))
    assert rows.select("check_id", "line_index").is_unique().all()
