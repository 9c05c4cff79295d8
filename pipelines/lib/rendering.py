"""Rendering of issued documents: one PDF per document, in processes, once.

The register keeps each PDF's hash. A file that was lost is made again and must come out byte for byte the same;
where it does not (another version of WeasyPrint or of the font), the line says so, the register keeps its hash, and
no file takes the place of the one that was sent. A document that cannot be rendered keeps none of the others back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.billing.canonical import sha256_of
from models.types.time import BillingMonth
from pipelines.lib.compute import Compute
from pipelines.lib.register import Register
from pipelines.lib.register.documents import IssuedDocument, issued_documents
from pipelines.lib.register.renderings import Rendering, record_rendering, renderings
from pipelines.lib.settings import Settings


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One document to render, as it travels to another process."""

    document: IssuedDocument
    path: str
    """relative to the documents folder"""
    folder: Path
    sent: Rendering | None
    """what the register knows of its PDF"""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a job made."""

    document_id: str
    rendering: Rendering | None
    """None where no file was put in place"""
    pages: int = 0
    problem: str | None = None
    """why not, in one line with its remedy"""


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What one run rendered."""

    documents: int
    """of the month"""
    rendered: int
    pages: int
    seconds: float
    differing: tuple[str, ...]
    """one line for each document that came out otherwise than it was sent, or not at all"""


def render_documents(settings: Settings, register: Register, compute: Compute, month: BillingMonth) -> RenderReport:
    """Render the month's documents that have no PDF, or whose PDF is missing or was changed."""
    began = time.monotonic()
    with register.reading() as tx:
        issued, known = issued_documents(tx, month.first_day), renderings(tx)
    jobs = [
        RenderJob(document, path_of(document), settings.documents, known.get(document.document_id))
        for document in issued
        if not _is_intact(settings.documents, known.get(document.document_id))
    ]
    made = []
    for each in compute.map(render, jobs):
        if each.rendering is not None and each.document_id not in known:
            with register.transaction() as tx:
                record_rendering(tx, each.rendering, settings.clock())
        made.append(each)
    problems = tuple(each.problem for each in made if each.problem is not None)
    pages = sum(each.pages for each in made)
    return RenderReport(len(issued), len(made) - len(problems), pages, time.monotonic() - began, problems)


def path_of(document: IssuedDocument) -> str:
    """Give the place of a document's PDF: `2026-10/INV-DE-2026-000001.pdf`."""
    return f"{document.billing_month:%Y-%m}/{document.document_number}.pdf"


def render(job: RenderJob) -> Rendered:
    """Render one document and put its PDF in its place; runs in any process."""
    document = job.document
    try:
        content, pages = pdf_of(document)
    except (LookupError, ValueError) as error:  # a code without words, an IBAN that fails its check digits
        return Rendered(document.document_id, None, problem=f"{document.document_number} was not rendered: {error}")
    made = Rendering(document.document_id, job.path, sha256_of(content))
    if job.sent is not None and job.sent.sha256 != made.sha256:
        return Rendered(document.document_id, None, problem=_difference(job.sent, made))
    file = job.folder / job.path
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".pdf.tmp")
    beside.write_bytes(content)
    beside.replace(file)
    return Rendered(document.document_id, made, pages)


def pdf_of(document: IssuedDocument) -> tuple[bytes, int]:
    """Give a document's PDF and its number of pages."""
    from reports.pdf import make_pdf  # noqa: PLC0415 - WeasyPrint takes a second to import; only renderers need it

    return make_pdf(html_of(document))


def html_of(document: IssuedDocument) -> str:
    """Give a document's page."""
    from reports.render import RenderContext, render_html  # noqa: PLC0415 - as above

    return render_html(document.content, RenderContext(content_sha256=document.content_sha256))


def intact(settings: Settings, register: Register, month: BillingMonth) -> tuple[Sequence[str], Sequence[str]]:
    """Give the numbers of the month's documents whose PDF is as registered, and of those whose is not."""
    with register.transaction() as tx:
        issued, known = issued_documents(tx, month.first_day), renderings(tx)
    fine = [each for each in issued if _is_intact(settings.documents, known.get(each.document_id))]
    names = {each.document_number for each in fine}
    return sorted(names), sorted(each.document_number for each in issued if each.document_number not in names)


def _is_intact(folder: Path, rendering: Rendering | None) -> bool:
    if rendering is None:
        return False
    file = folder / rendering.path
    return file.is_file() and sha256_of(file.read_bytes()) == rendering.sha256


def _difference(sent: Rendering, made: Rendering) -> str:
    hashes = f"{made.sha256[:16]}, registered {sent.sha256[:16]}"
    remedy = "render it with the environment of requirements.lock of that time, or restore it from the archive"
    return f"{made.path} came out with other bytes than were sent ({hashes}): {remedy}"
