"""The `roamledger` command: what it can do, and nothing about how; each command's work is in `pipelines/commands`.

Commands are imported when they run, because Dagster, dbt and WeasyPrint take seconds to import.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from pipelines.cli import books, connect, cpo_invoices, disputes, prices, sandbox, tokens
from pipelines.cli.shared import complaints
from pipelines.lib.errors import UserError

for _switch in ("DAGSTER_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1")
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")

app = typer.Typer(
    name="roamledger",
    help="The billing back office of an e-Mobility Service Provider: OCPI in, proven invoices out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _group in (books, prices):
    app.add_typer(_group.app)
for _name, _group in (
    ("disputes", disputes),
    ("tokens", tokens),
    ("cpo-invoices", cpo_invoices),
    ("connect", connect),
    ("sandbox", sandbox),
):
    app.add_typer(_group.app, name=_name)


def main() -> None:
    """Run the command line; what a user can mend is said in one line."""
    os.umask(0o077)  # everything that a home holds is somebody's money or somebody's name
    try:
        app()
    except UserError as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.filename or 'a file'}: {error.strerror or error}: mend that and run the command again")


def _complain(line: str) -> NoReturn:
    complaints.print("roamledger:", style="bold red", end=" ")
    complaints.print(line, highlight=False, markup=False, soft_wrap=True)
    sys.exit(2)
