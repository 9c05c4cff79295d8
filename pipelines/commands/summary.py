"""What `roamledger demo` ends with: pulled, held, billed, earned, and where to look next.

Every figure is read from the published warehouse or the register; nothing is added up here but counts for display.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
from rich.console import Console
from rich.table import Table

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.commands.pull import intake_table
from pipelines.lib import warehouse
from pipelines.lib.lake import Lake
from pipelines.lib.settings import CHECKOUT, Settings


def print_summary(settings: Settings, month: BillingMonth, requests: int, seconds: float, console: Console) -> None:
    """Print the summary of a demo that has just ended."""
    published = settings.warehouse / warehouse.FINANCE
    console.rule("[bold]Summary", align="left", style="dim")
    console.print(f"{requests:,} HTTP requests answered by the network")
    console.print(intake_table(Lake(settings.lake).read(Layer.TYPED, "records")))
    with duckdb.connect(published, read_only=True) as con:
        console.print(_disputed(con, month))
        console.print(_billed(con))
        console.print(_margins(con, month))
    _say_where(settings, month, console)
    console.print(f"[bold green]Done[/] in {seconds:.0f} seconds.")


def _disputed(con: duckdb.DuckDBPyConnection, month: BillingMonth) -> Table:
    """Show what holds CDRs, rule by rule; a CDR that breaks several stands under each of them."""
    rows = con.execute(
        """
        select findings.rule_id, findings.rule_name, count(*),
               coalesce(sum(disputes.amount_at_stake) filter (disputes.currency = 'EUR'), 0)
        from fct_findings as findings
        inner join fct_disputes as disputes on findings.cdr_key = disputes.cdr_key
        where findings.severity = 'block'
        group by all order by all
        """
    ).fetchall()
    (held,) = con.execute("select count(*) from fct_disputes").fetchone() or (0,)
    table = _table(
        f"{held} CDRs held and disputed up to {month}, by rule", ("rule", "", "CDRs", "EUR at stake"), left=2
    )
    for rule, name, cases, stake in rows:
        table.add_row(rule, name, f"{cases:,}", _money(stake))
    return table


def _billed(con: duckdb.DuckDBPyConnection) -> Table:
    rows = con.execute(
        """
        select billing_month, vat_country, currency, count(distinct document_id), sum(taxable_amount), sum(vat_amount)
        from fct_invoice_vat group by all order by all
        """
    ).fetchall()
    table = _table("Billed, by month and VAT country", ("month", "country", "invoices", "net", "VAT", ""), left=2)
    for billing_month, country, currency, invoices, net, vat in rows:
        table.add_row(_month(billing_month), country, f"{invoices:,}", _money(net), _money(vat), currency)
    return table


def _margins(con: duckdb.DuckDBPyConnection, month: BillingMonth) -> Table:
    rows = con.execute(
        """
        select cpo_id, cpo_name, sessions, energy_kwh, wholesale_cost, cost_currency, revenue_net_eur, margin_eur
        from rpt_margin_by_cpo where billing_month = ? order by cpo_id
        """,
        [month.first_day],
    ).fetchall()
    names = ("CPO", "sessions", "kWh", "wholesale cost", "revenue EUR", "margin EUR")
    table = _table(f"Margin by CPO, {month}, net of VAT", names, left=1)
    for cpo, name, sessions, energy, cost, currency, revenue, margin in rows:
        cost_there = f"{_money(cost)} {currency}"
        table.add_row(f"{cpo} {name}", f"{sessions:,}", f"{energy:,.1f}", cost_there, _money(revenue), _money(margin))
    return table


def _say_where(settings: Settings, month: BillingMonth, console: Console) -> None:
    folder = settings.documents / str(month)
    pdfs = sorted(path.name for path in folder.glob("*.pdf"))
    console.print(f"[bold]PDFs[/]       {folder}  ({len(pdfs)} of {month})")
    console.print(f"[bold]Warehouse[/]  {settings.warehouse / warehouse.FINANCE}")
    console.print(f"[bold]Analysts[/]   {settings.warehouse / warehouse.ANALYTICS}  (no personal data)")
    command = ".venv/bin/roamledger" if (CHECKOUT / ".venv").exists() else "roamledger"
    invoice = next((name.removesuffix(".pdf") for name in pdfs if name.startswith("INV-")), "")
    console.print(f"[bold]Next[/]       {command} trace {invoice} 1   ·   {command} verify")


def _table(title: str, names: tuple[str, ...], *, left: int) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for index, name in enumerate(names):
        table.add_column(name, justify="left" if index < left or not name else "right", no_wrap=True)
    return table


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _month(first_day: date) -> str:
    return f"{first_day:%Y-%m}"
