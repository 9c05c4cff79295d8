"""`roamledger trace`: the way of an amount, from the document back to the bytes, as a tree or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import load_settings
from pipelines.lib.tracing import LineTrace, find_document, trace_line

Row = Mapping[str, Any]


def run(number: str, line: int | None, console: Console, *, as_json: bool) -> int:
    """Trace a whole document (its lines) or one line (down to the bytes); give the exit code."""
    settings = load_settings()
    document = find_document(Register(settings.register), number)
    if line is None:
        _print_json(document) if as_json else console.print(_lines(document))
        return 0
    if not document.get("lines"):
        items = ", ".join(item["document_number"] for item in document.get("items", ()))
        msg = f"document {number} has no lines of its own: trace one of its invoices ({items})"
        raise UserError(msg)
    traced = trace_line(Lake(settings.lake), document, line)
    _print_json(asdict(traced)) if as_json else console.print(_tree(document, traced))
    return 0


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))  # noqa: T201 - JSON must reach a pipe unstyled


def _lines(document: Row) -> Table:
    """List the lines, or the invoices of a bill, to choose from."""
    title = f"{document['document_number']}: {document['kind'].replace('_', ' ')}, {document['currency']}"
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("line", "what", "where", "kWh", "net"):
        table.add_column(name, justify="left" if name in {"what", "where"} else "right")
    for line in document.get("lines", ()):
        what = line.get("cdr_key") or line.get("charge_id")
        where = ", ".join(filter(None, (line.get("location_name"), line.get("location_city"))))
        net = line.get("net_amount", line.get("amount"))
        table.add_row(
            str(line["line_number"]), escape(what), escape(where), _figure(Decimal(line.get("energy_kwh", 0))), net
        )
    for item in document.get("items", ()):
        row = (
            "",
            item["document_number"],
            ", ".join(item["countries"]),
            _figure(Decimal(item["energy_kwh"])),
            item["net_total"],
        )
        table.add_row(*row)
    return table


def _tree(document: Row, traced: LineTrace) -> Tree:
    number, line = document["document_number"], traced.document["line_number"]
    amount = traced.document.get("gross_amount") or traced.document.get("net_amount") or traced.document["amount"]
    tree = Tree(f"[bold]{number} line {line}[/]: {amount} {document['currency']}")
    if traced.charge:
        _add_charge(tree, traced)
    if traced.cdr:
        _add_claim(tree, traced)
        _add_bytes(tree, traced)
    return tree


def _add_charge(tree: Tree, traced: LineTrace) -> None:
    charge = traced.charge
    branch = tree.add(
        f"[bold]charge[/] {escape(charge['charge_id'])} ({charge['kind']}, plan {escape(charge['plan_id'])})"
    )
    branch.add(_rounding(charge))
    branch.add(
        f"VAT case {charge['vat_case']}: {charge['vat_country']} {charge['vat_category']} "
        f"{_figure(charge['vat_rate_pct'])} %, seller {charge['seller_vat_id']}, "
        f"buyer {charge['buyer_vat_id'] or 'no VAT id'}, supplied on {charge['supplied_on']}"
    )
    if traced.retail_components:
        tariff = traced.retail_tariff
        head = f"priced by {tariff.get('tariff_key')} version {tariff.get('tariff_version_id')}"
        branch.add(Text(head)).add(_components(traced.retail_components))


def _rounding(charge: Row) -> str:
    precise = _figure(charge["precise_amount"])
    if not charge["is_gross_price_list"]:
        return f"net price list: {precise} rounded half away from zero to {charge['net_amount']} net"
    rate = _figure(charge["vat_rate_pct"])
    return (
        f"gross price list: {precise} rounded half away from zero to {charge['gross_amount']} gross; "
        f"net = {charge['gross_amount']} / (1 + {rate} %) = {charge['net_amount']}"
    )


def _add_claim(tree: Tree, traced: LineTrace) -> None:
    verdict, cdr = traced.verdict, traced.cdr
    branch = tree.add(
        f"[bold]CDR[/] {escape(cdr['cdr_key'])}: {_instant(cdr['started_at'])} to {_instant(cdr['ended_at'])}"
    )
    branch.add(
        f"verdict {verdict.get('verdict')}: claimed {_figure(verdict.get('claimed_excl_vat'))}, recomputed "
        f"{verdict.get('recomputed_excl_vat')} {verdict.get('currency')} excl. VAT"
    )
    for finding in traced.findings:
        branch.add(Text(f"{finding['rule_id']} {finding['severity']}: {finding['message']}"))
    match, authorization = traced.match, traced.authorization
    branch.add(
        f"authorization {escape(authorization['authorization_id'])} at {_instant(authorization['authorized_at'])} "
        f"({match['match_kind']}, {match['seconds_from_authorization']} s before the start)"
        if authorization
        else f"no authorization: {escape(str(match.get('reason')))}"
    )
    if traced.wholesale_components:
        branch.add("priced again at the CPO's tariff").add(_components(traced.wholesale_components))


def _components(rows: list[dict[str, Any]]) -> Table:
    """Show the component rows: each cent's tariff element, volume and price."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    names = ("kind", "dimension", "period", "element", "volume", "unit price", "VAT %", "excl. VAT", "incl. VAT")
    for name in names:
        table.add_column(name, justify="left" if name in {"kind", "dimension"} else "right")
    for row in rows:
        element = "" if row["element_index"] is None else f"{row['element_index']}.{row['component_index']}"
        table.add_row(
            row["kind"],
            row["dimension"] or "",
            _figure(row["period_index"]),
            element,
            *(_figure(row[n]) for n in ("volume", "unit_price", "vat_rate_pct", "amount_excl_vat", "amount_incl_vat")),
        )
    return table


def _add_bytes(tree: Tree, traced: LineTrace) -> None:
    raw = traced.raw
    branch = tree.add(
        f"[bold]bytes[/] record {raw['page_position']} of page {raw['page_sha256'][:16]}… from {raw['connection_id']} "
        f"(OCPI {raw['ocpi_version']}), received {_instant(raw['received_at'])}"
    )
    branch.add(Text(raw["record"]))  # as text: the brackets of JSON are no markup


def _instant(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _figure(value: object) -> str:
    """Write a number without the zeros that only its scale adds; unknown is empty."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return "" if value is None else str(value)
