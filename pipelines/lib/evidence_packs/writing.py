"""Evidence packs as files: JSON beside PDF in `<documents>/<month>/disputes`, written whole or not at all.

A pack whose bytes lie there already is left alone, so that working a month through again touches nothing. The PDF
carries its JSON inside, which is how a PDF of an older state is known and made again.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from models.billing.canonical import sha256_of
from models.reconciliation.cases import CaseState
from models.reconciliation.packs.canonical import pack_json, read_pack
from models.reconciliation.packs.pack import EvidencePack
from models.types.time import BillingMonth
from pipelines.lib.compute import Compute

FOLDER: Final = "disputes"
_LONGEST_STEM: Final = 50
_HASH_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class PackFile:
    """One pack in its place."""

    case_id: str
    path: Path
    """of the JSON; the PDF has the same name"""
    sha256: str
    is_new: bool
    """it was not there, or with other bytes"""
    has_record: bool
    """the CDR's own bytes are in it"""

    @property
    def pdf(self) -> Path:
        """The place of its PDF."""
        return self.path.with_suffix(".pdf")


@dataclass(frozen=True, slots=True)
class PdfReport:
    """What one run rendered."""

    rendered: int
    pages: int
    seconds: float


def folder_of(documents: Path, month: BillingMonth) -> Path:
    """Give the place of a month's packs: `documents/2026-10/disputes`."""
    return documents / str(month) / FOLDER


def stem_of(case_id: str) -> str:
    """Give a file name for a case: `DE-LDW-C000017-0a53e9b81bf8d652`.

    Ids are others' texts: what is no letter or digit becomes a dash, what is long is cut, and a part of the hash keeps
    two cases apart that then read alike.
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", case_id)[:_LONGEST_STEM].strip("-.")
    return f"{plain or 'case'}-{sha256_of(case_id.encode(errors='surrogatepass'))[:_HASH_DIGITS]}"


def write_packs(folder: Path, packs: Iterable[EvidencePack]) -> list[PackFile]:
    """Write each pack as JSON where it is not there already."""
    return [_write_pack(folder, pack) for pack in packs]


def outdated(documents: Path, states: Iterable[CaseState], but_not: BillingMonth) -> dict[BillingMonth, list[str]]:
    """Give the cases of other months that moved since their packs were written.

    A credit that arrives this month moves a case of an earlier one. What moved has more events than its opening, and
    its pack on the disk tells fewer of them.
    """
    found: dict[BillingMonth, list[str]] = {}
    for state in states:
        month = BillingMonth(state.billing_month.year, state.billing_month.month)
        place = folder_of(documents, month) / f"{stem_of(state.case_id)}.json"
        if month != but_not and state.events > 1 and _events_told(place) != state.events:
            found.setdefault(month, []).append(state.case_id)
    return found


def _events_told(pack: Path) -> int:
    """Count the events in a pack on the disk; none where there is no such pack."""
    try:
        return len(msgspec.json.decode(pack.read_bytes(), type=_Told).events)
    except (FileNotFoundError, msgspec.MsgspecError):
        return 0


class _Told(msgspec.Struct):
    """What is read of a pack to see whether it is up to date."""

    events: list[msgspec.Raw]


def render_packs(files: Sequence[PackFile], compute: Compute) -> PdfReport:
    """Render the PDF of every pack that has none, or one of an older state; in processes."""
    began = time.monotonic()
    jobs = [file.path for file in files if not is_rendered(file)]
    pages = list(compute.map(render, jobs))
    return PdfReport(len(jobs), sum(pages), time.monotonic() - began)


def is_rendered(file: PackFile) -> bool:
    """Tell whether a pack's PDF is there and carries the same JSON."""
    from reports.pdf import is_enclosed  # noqa: PLC0415 - WeasyPrint takes a second to import; only renderers need it

    return file.pdf.is_file() and is_enclosed(file.path.read_bytes(), file.pdf.read_bytes())


def render(path: Path) -> int:
    """Render the PDF beside a pack's JSON, with that JSON inside; give its number of pages. Runs in any process."""
    from reports.evidence_pack import PackContext, evidence_html, newest_instant  # noqa: PLC0415 - as above
    from reports.pdf import Enclosure, make_pdf  # noqa: PLC0415 - as above

    content = path.read_bytes()
    pack = read_pack(content)
    html = evidence_html(pack, PackContext(sha256_of(content), path.name))
    made = make_pdf(html, [Enclosure(path.name, "this evidence pack, every digit", content, newest_instant(pack))])
    put(path.with_suffix(".pdf"), made.content)
    return made.pages


def put(file: Path, content: bytes) -> None:
    """Write a file beside its place and rename it onto it, so that nobody sends half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two runs at once would otherwise rename what the other is still writing.
    beside = file.with_name(f"{file.name}.{uuid.uuid4().hex}.tmp")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _write_pack(folder: Path, pack: EvidencePack) -> PackFile:
    content, path = pack_json(pack), folder / f"{stem_of(pack.case.case_id)}.json"
    is_new = not path.is_file() or path.read_bytes() != content
    if is_new:
        put(path, content)
    has_record = pack.received.record_sha256 is not None
    return PackFile(pack.case.case_id, path, sha256_of(content), is_new, has_record)
