"""`roamledger disputes pack` and `packs`: the evidence of one case, or of all of them, as JSON and PDF."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rich.console import Console

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.commands.close import parse_month
from pipelines.lib.compute import Compute
from pipelines.lib.errors import UserError
from pipelines.lib.evidence_packs.reading import MonthOfPacks, read_cases
from pipelines.lib.evidence_packs.writing import PackFile, PdfReport, folder_of, render_packs, write_packs
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings, load_settings


def one(case: str, output: Path | None, console: Console) -> int:
    """Write the pack of one case; give exit 0.

    Raises:
        UserError: when there is no such case, or its CDR is not in the lake.
    """
    settings = load_settings()
    cases = read_cases(Register(settings.register))
    state = cases.states.get(case.upper())
    if state is None:
        msg = f"there is no case {case!r}: roamledger disputes list names them all"
        raise UserError(msg)
    month = BillingMonth(state.billing_month.year, state.billing_month.month)
    files = _write(settings, MonthOfPacks(Lake(settings.lake), month, cases), [state.case_id], output)
    _render(files, settings)
    for file in files:
        console.print(f"{file.path}\n{file.pdf}", soft_wrap=True, highlight=False, markup=False)
    return 0


def several(month: str, cpo: str, output: Path | None, console: Console) -> int:
    """Write the packs of every case, of one month or of one CPO where asked; give exit 0."""
    settings = load_settings()
    cases = read_cases(Register(settings.register))
    lake, cpo_id = Lake(settings.lake), cpo.upper().replace("-", "*")
    months = [parse_month(month)] if month else lake.months(Layer.MATCHED, "verdicts")
    files: list[PackFile] = []
    for each in months:
        packs = MonthOfPacks(lake, each, cases)
        files += _write(settings, packs, _keys_of(packs, cpo_id), output)
    report = _render(files, settings)
    folder = output or settings.documents
    console.print(
        f"{len(files):,} packs in {folder}: {sum(file.is_new for file in files):,} new or changed, "
        f"{report.rendered:,} PDFs rendered ({report.pages:,} pages, {report.seconds:.0f} s)",
        soft_wrap=True,
        markup=False,
    )
    return 0


def _keys_of(packs: MonthOfPacks, cpo_id: str) -> list[str]:
    return [key for key, owner in packs.owners.items() if cpo_id in {"", owner}]


def _write(settings: Settings, packs: MonthOfPacks, keys: Collection[str], output: Path | None) -> list[PackFile]:
    folder = output or folder_of(settings.documents, packs.month)
    try:
        return write_packs(folder, packs.packs(keys))
    except LookupError as error:
        msg = f"{error}: run `roamledger close {packs.month} --dry-run`, which works the month through"
        raise UserError(msg) from None
    except OSError as error:
        msg = f"folder {folder} cannot be written: {error.strerror}; choose another with --output"
        raise UserError(msg) from None


def _render(files: list[PackFile], settings: Settings) -> PdfReport:
    return render_packs(files, Compute(settings.workers))
