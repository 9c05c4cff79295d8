"""Renderings in the register: which file was made of which document, and its hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select

from pipelines.lib.register.tables import RENDERINGS

PDF: Final = "pdf"


@dataclass(frozen=True, slots=True)
class Rendering:
    """One file; `path` is relative to the documents folder."""

    document_id: str
    path: str
    sha256: str


def record_rendering(tx: Connection, rendering: Rendering, now: datetime) -> None:
    """Write that a document was rendered; a document is rendered once per format."""
    row = {"document_id": rendering.document_id, "path": rendering.path, "sha256": rendering.sha256}
    tx.execute(insert(RENDERINGS).values(format=PDF, rendered_at=now, **row))


def renderings(tx: Connection) -> dict[str, Rendering]:
    """Give the PDFs by document id."""
    query = select(RENDERINGS).where(RENDERINGS.c.format == PDF)
    return {row.document_id: Rendering(row.document_id, row.path, row.sha256) for row in tx.execute(query)}
