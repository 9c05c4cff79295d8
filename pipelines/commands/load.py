"""`roamledger load`: take records from files, as if their peer had served them, and work them through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from rich.console import Console

from pipelines.commands.progress import run_progress
from pipelines.lib.errors import UserError
from pipelines.lib.intake.drops.master import load_master_files
from pipelines.lib.intake.files.loading import MODULES, FileSource, load_file
from pipelines.lib.intake.files.report import FileReport
from pipelines.lib.lake import Lake
from pipelines.lib.month_runs import INTAKE, stale_months, work_through
from pipelines.lib.register import Register
from pipelines.lib.runs import run_assets
from pipelines.lib.settings import OcpiVersion, Settings, load_settings

MASTER = "master"
_VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
_SHOWN = 20


def run(
    paths: Sequence[Path], connection: str, module: str, ocpi_version: str, console: Console, *, raw_only: bool
) -> int:
    """Load files and, unless told otherwise, work them through; give the exit code (1 where something is wrong)."""
    if ocpi_version not in _VERSIONS:
        msg = f"--ocpi-version {ocpi_version} is not read (known: {', '.join(_VERSIONS)})"
        raise UserError(msg)
    settings = load_settings()
    reports = list(_load(settings, paths, connection, module, cast("OcpiVersion", ocpi_version)))
    for report in reports:
        _show(report, console)
    if not raw_only and any(report.outcome == "loaded" for report in reports):
        _work_through(settings, console)
    return 1 if any(report.outcome == "rejected" or report.problems for report in reports) else 0


def _load(
    settings: Settings, paths: Sequence[Path], connection: str, module: str, version: OcpiVersion
) -> Iterator[FileReport]:
    files = [file for path in paths for file in _files(path)]
    if module == MASTER:
        yield from load_master_files(settings, files)
        return
    lake = Lake(settings.lake)
    for file in files:
        yield load_file(settings, lake, file, _source(settings, file, connection, module, version))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    if not path.is_file():
        msg = f"file {path} does not exist: check its name"
        raise UserError(msg)
    return [path]


def _source(settings: Settings, file: Path, connection: str, module: str, version: OcpiVersion) -> FileSource:
    """Say what a file holds: as told, else by the names `<connection>/<module>.*` that the sandbox writes."""
    named_module = module or file.name.partition(".")[0]
    named_connection = connection or file.resolve().parent.name
    if named_module not in MODULES:
        msg = f"file {file}: what it holds is not known: say --module (known: {', '.join((*MODULES, MASTER))})"
        raise UserError(msg)
    known = {each.connection_id for each in settings.connections}
    if not connection and named_connection not in known:
        msg = (
            f"file {file}: whose it is is not known: say --connection (declared: {', '.join(sorted(known)) or 'none'})"
        )
        raise UserError(msg)
    return FileSource(settings.connection(named_connection), named_module, version)


def _show(report: FileReport, console: Console) -> None:
    style = "red" if report.outcome == "rejected" else "yellow" if report.problems else ""
    lines = report.as_text().splitlines()
    for line in lines[:_SHOWN]:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"and {len(lines) - _SHOWN} lines more", style="dim")


def _work_through(settings: Settings, console: Console) -> None:
    with run_progress(console) as progress:
        run_assets(INTAKE, without=["raw/ocpi_pages"], report=lambda step: progress.step("load", step))
        progress.finish("load")
        months = stale_months(Lake(settings.lake), Register(settings.register))
        work_through(months, lambda month, step: progress.step(f"work through {month}", step))
