"""`roamledger cpo-invoices`: is what an operator asks for what we accepted from it, and which of it is accepted?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import polars as pl
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from models.reconciliation.cpo_invoices.record import LONGEST_ID, AcceptedCdrs
from models.reconciliation.cpo_invoices.totals import CheckResult
from models.types.vocabularies import InvoiceLineOutcome
from pipelines.commands.actors import actor_or_user
from pipelines.lib.cpo_invoices.checking import InvoiceFile, check_invoice, read_invoice
from pipelines.lib.cpo_invoices.exporting import accepted_cdrs, record_json
from pipelines.lib.errors import UserError
from pipelines.lib.evidence_packs.writing import put
from pipelines.lib.frame_files import check_output, is_json, write_frames
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.cpo_invoices import InvoiceCheck, record_check
from pipelines.lib.settings import load_settings

_STYLES: Final = {
    "matched": "green",
    "missing_on_invoice": "dim",
    "different_amount": "yellow",
    "different_vat": "yellow",
    "no_longer_invoiced": "dim",
    "settled_elsewhere": "dim",
}
_MOST_LINES: Final = 50
"""of a table on a terminal; --output has them all"""
_MOST_MISSING: Final = 10
_MOVES: Final = (str(InvoiceLineOutcome.NO_LONGER_INVOICED), str(InvoiceLineOutcome.SETTLED_ELSEWHERE))
"""outcomes of rows that change what was approved without a line of this invoice"""


def check(
    file: Path,
    cpo: str,
    invoice: str | None,
    output: Path | None,
    actor: str,
    console: Console,
    *,
    as_json: bool,
    dry: bool,
) -> int:
    """Check an invoice, write down what came of it, and show it; exit 1 where something is to be disputed."""
    settings = load_settings()
    check_output(output)
    read = read_invoice(file, cpo, invoice)
    with Register(settings.register).transaction() as tx:
        result = check_invoice(tx, Lake(settings.lake), read)
        about = InvoiceCheck(read.cpo_id, read.invoice.invoice_id, read.sha256, actor_or_user(actor), settings.clock())
        check_id, is_new = (None, False) if dry else record_check(tx, about, result)
    _write(output, result.lines)
    if as_json:
        console.print_json(json.dumps(_as_json(read, result, check_id), default=str))
    else:
        console.print(_shown(read, result))
        console.print(_noted(check_id, is_new=is_new))
    return 0 if result.is_clean else 1


def export(invoice: str, cpo: str, output: Path | None, console: Console, warnings: Console) -> int:
    """Write the record of an invoice's accepted CDRs to a file, or print it; exit 1 where it cannot name all of them.

    Raises:
        UserError: where the invoice was never checked, none of its CDRs stands approved, or the file cannot be written.
    """
    settings = load_settings()
    with Register(settings.register).reading() as tx:
        accepted = accepted_cdrs(tx, Lake(settings.lake), cpo.upper().replace("-", "*"), invoice)
    for warning in _left_out(accepted):
        warnings.print(warning, soft_wrap=True, highlight=False, markup=False)
    if accepted.record is None:
        return 1
    content = record_json(accepted)
    if output is None:
        console.print(content.decode(), end="", soft_wrap=True, highlight=False, markup=False)
    else:
        _put(output, content)
        told = f"{len(cast('list[str]', accepted.record['cdrs'])):,} accepted CDRs of invoice {invoice} in {output}"
        console.print(told, soft_wrap=True, highlight=False, markup=False)
    return 1 if accepted.unlisted or accepted.partial else 0


def _left_out(accepted: AcceptedCdrs) -> Iterator[str]:
    """Name what the record cannot say, one line a reason."""
    if accepted.unlisted:
        ids = ", ".join(repr(each) for each in accepted.unlisted)
        yield (
            f"warning: {len(accepted.unlisted):,} accepted CDRs cannot be listed, their ids have more than "
            f"{LONGEST_ID} characters (OCPI 2.3.0); tell the CPO by other means: {ids}"
        )
    if accepted.partial:
        ids = ", ".join(repr(each) for each in accepted.partial)
        yield (
            f"warning: {len(accepted.partial):,} CDRs are payable in part and not listed, a record has no amounts; "
            f"tell the CPO by other means: {ids}"
        )


def _put(output: Path, content: bytes) -> None:
    try:
        put(output, content)
    except OSError as error:
        msg = f"--output {output} cannot be written: {error.strerror}"
        raise UserError(msg) from None


def _shown(read: InvoiceFile, result: CheckResult) -> Group:
    parts: list[Table | Text] = [_outcomes(read, result), _totals(result)]
    parts += [Text(complaint, "bold yellow") for complaint in result.complaints]
    if result.disputed.height:
        parts.append(_lines("To be disputed", result.disputed))
    missing = result.lines.filter(outcome=str(InvoiceLineOutcome.MISSING_ON_INVOICE))
    if missing.height:
        parts.append(_missing(missing))
    moved = result.lines.filter(_is_moved())
    if moved.height:
        parts.append(_moved(moved))
    parts += [Text(_now(currency, amount), "bold") for currency, amount in result.to_pay_now.items()]
    return Group(*parts)


def _now(currency: str, amount: Decimal) -> str:
    """Say what is to be transferred after this check, excl. VAT; below zero it comes back."""
    return f"To pay now, beyond what was approved before: {_money(amount)} {currency} excl. VAT"


def _outcomes(read: InvoiceFile, result: CheckResult) -> Table:
    counts = dict(result.lines.group_by("outcome").len().iter_rows())
    table = _table(f"Invoice {read.invoice.invoice_id} of {read.cpo_id}", "outcome", "lines", right=("lines",))
    for word in InvoiceLineOutcome:
        if counts.get(str(word)):
            table.add_row(Text(_words(word), _STYLES.get(str(word), "red")), f"{counts[str(word)]:,}")
    return table


_SUMS: Final = {
    "asked": "asked_excl_vat",
    "payable": "payable_excl_vat",
    "approved before": "approved_before_excl_vat",
    "to pay now": "to_pay_now_excl_vat",
    "to dispute": "disputed_excl_vat",
    "VAT on payable": "payable_vat",
    "VAT to dispute": "disputed_vat",
}
"""headers of the totals, and what stands below them"""


def _totals(result: CheckResult) -> Table:
    columns = ("currency", "VAT %", "lines", *_SUMS)
    table = _table("By currency and VAT rate, excl. VAT", *columns, right=columns[1:])
    for each in result.totals:
        rate = "unknown" if each.vat_rate_pct is None else f"{each.vat_rate_pct.normalize():f}"
        amounts = (_money(getattr(each, name)) for name in _SUMS.values())
        table.add_row(each.currency or "unknown", rate, f"{each.lines:,}", *amounts)
    return table


_LINE_SUMS: Final = {name: _SUMS[name] for name in ("asked", "payable", "to dispute")}
"""of a line in dispute: more columns would leave no room for the reason on a terminal"""


def _lines(title: str, lines: pl.DataFrame) -> Table:
    columns = ("line", "CDR", "outcome", *_LINE_SUMS, "", "why")
    table = _table(title, *columns, right=("line", *_LINE_SUMS))
    for row in lines.head(_MOST_LINES).iter_rows(named=True):
        amounts = (_money(row[name]) for name in _LINE_SUMS.values())
        cells = (str(row["line_number"]), row["cdr_key"] or "-", _words(row["outcome"]), *amounts)
        table.add_row(*map(Text, (*cells, row["currency"] or "", row["reason"] or "")))
    return _with_rest(table, lines.height)


def _missing(lines: pl.DataFrame) -> Table:
    """List the CDRs of the invoice's months of which it lacks what is owed: accrued until an invoice names them."""
    table = _table("Not on the invoice", "CDR", "claimed", "owed", "", right=("claimed", "owed"))
    for row in lines.head(_MOST_MISSING).iter_rows(named=True):
        amounts = (_money(row["claimed_excl_vat"]), _money(row["owed_excl_vat"]))
        table.add_row(*map(Text, (row["cdr_key"], *amounts, row["currency"])))
    return _with_rest(table, lines.height, _MOST_MISSING)


def _is_moved() -> pl.Expr:
    """Tell the rows of which something was approved before, unless this check leaves that as it was."""
    has_changed = pl.col("approved_before_excl_vat").is_not_null() & (pl.col("to_pay_now_excl_vat") != 0)
    return pl.col("outcome").is_in(_MOVES) | has_changed | (pl.col("approved_elsewhere_excl_vat") != 0).fill_null(False)


def _moved(lines: pl.DataFrame) -> Table:
    """List what was approved before, under this invoice or another one, and what this check adds to it."""
    amounts = ("approved before", "to pay now")
    table = _table("Approved before", "CDR", "under", *amounts, "", "why", right=amounts)
    for row in lines.head(_MOST_LINES).iter_rows(named=True):
        own = row["approved_before_excl_vat"]
        under, stood = (row["approved_under"], row["approved_elsewhere_excl_vat"]) if own is None else ("", own)
        cells = (row["cdr_key"], under or "this invoice", _money(stood), _money(row["to_pay_now_excl_vat"]))
        table.add_row(*map(Text, (*cells, row["currency"], row["reason"] or "")))
    return _with_rest(table, lines.height)


def _with_rest(table: Table, rows: int, shown: int = _MOST_LINES) -> Table:
    """Say how many rows were left out."""
    if rows > shown:
        table.caption = f"and {rows - shown:,} more: write them all with --output"
    return table


def _noted(check_id: int | None, *, is_new: bool) -> str:
    if check_id is None:
        return "Nothing was written (--dry-run)."
    return f"Check {check_id} is in the register." if is_new else f"Nothing new: check {check_id} said the same."


def _write(output: Path | None, lines: pl.DataFrame) -> None:
    if output is None:
        return
    if is_json(output):
        _put(output, _json_lines(lines).encode())
    else:
        write_frames(output, {"lines": lines})


def _json_lines(lines: pl.DataFrame) -> str:
    return json.dumps([_texts(row) for row in lines.iter_rows(named=True)], indent=1, default=str)


def _as_json(read: InvoiceFile, result: CheckResult, check_id: int | None) -> dict[str, object]:
    return {
        "invoice_id": read.invoice.invoice_id,
        "cpo_id": read.cpo_id,
        "file_sha256": read.sha256,
        "check_id": check_id,
        "is_clean": result.is_clean,
        "complaints": list(result.complaints),
        "totals": [_texts(asdict(each)) for each in result.totals],
        "to_pay_now_excl_vat": _texts(result.to_pay_now),
        "lines": [_texts(row) for row in result.lines.iter_rows(named=True)],
    }


def _texts(row: Mapping[str, object]) -> dict[str, object]:
    """Write amounts as texts, so that no reader of the JSON makes floats of them."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _words(outcome: str) -> str:
    return str(outcome).replace("_", " ")


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table
