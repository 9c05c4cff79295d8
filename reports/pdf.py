"""HTML to PDF/A-3b, byte for byte the same whenever the same fonts and WeasyPrint meet the same HTML.

Dates come from the page's metadata (the day of issue), the file identifier from the page itself, and nothing is
fetched from outside this package: a document is customer data, and a remote picture would tell who opened it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from weasyprint import HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from reports import subsetting
from reports.logos import PACKAGE

VARIANT: Final = "pdf/a-3b"
"""archival: fonts embedded, no outside reference; the `3` allows an e-invoice to be attached"""

_MEDIA_TYPES: Final = {".css": "text/css", ".svg": "image/svg+xml", ".otf": "font/otf"}


class ForeignResourceError(ValueError):
    """A page asks for something that is not a file of this package; the text names the address."""


class Pdf(NamedTuple):
    """A rendered document."""

    content: bytes
    pages: int


class Enclosure(NamedTuple):
    """A file that travels inside a PDF, as PDF/A-3 allows."""

    name: str
    description: str
    content: bytes
    written_at: datetime
    """with its zone; the clock is never asked, because the same files must give the same bytes"""


def write_pdf(html: str) -> bytes:
    """Give the PDF of a page made by `render_html`.

    Raises:
        ForeignResourceError: the page asks for a remote address, or for a file outside this package.
    """
    return make_pdf(html).content


def make_pdf(html: str, enclosures: Sequence[Enclosure] = ()) -> Pdf:
    """Give the PDF, with files inside it where given, and its number of pages; raises as `write_pdf` does."""
    subsetting.install()
    identifier = hashlib.sha256(html.encode()).digest()[:16]
    try:
        page = HTML(string=html, base_url=f"{PACKAGE.as_uri()}/", url_fetcher=PackageFiles())
        document = page.render(font_config=_fonts(), pdf_variant=VARIANT)
        document.metadata.attachments = [*document.metadata.attachments, *map(_attachment, enclosures)]
        content = document.write_pdf(pdf_variant=VARIANT, pdf_identifier=identifier)
    except FatalURLFetchingError as error:
        raise ForeignResourceError(str(error.__cause__ or error)) from None
    return Pdf(content or b"", len(document.pages))


def is_enclosed(content: bytes, pdf: bytes) -> bool:
    """Tell whether a PDF made here carries a file: its checksum stands beside it, uncompressed (ISO 32000, 7.11.4)."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest().encode() in pdf


def _attachment(enclosure: Enclosure) -> Attachment:
    return Attachment(
        file_obj=io.BytesIO(enclosure.content),
        name=enclosure.name,
        description=enclosure.description,
        created=enclosure.written_at,
        modified=enclosure.written_at,
        relationship="Data",
    )


class PackageFiles(URLFetcher):
    """Fetch the stylesheets, fonts and logos of this package, and refuse everything else."""

    def __init__(self) -> None:
        """Make every refusal stop the rendering; WeasyPrint would otherwise warn and go on."""
        super().__init__(allowed_protocols=("file",), allow_redirects=False, fail_on_errors=True)

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Read one file of this package."""
        del headers
        parts = urlsplit(url)
        path = Path(unquote(parts.path)).resolve()
        media_type = _MEDIA_TYPES.get(path.suffix)
        if parts.scheme != "file" or parts.netloc or media_type is None or not path.is_relative_to(PACKAGE):
            msg = f"a document may only use files of the package `reports`, not {url}"
            raise ForeignResourceError(msg)
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": media_type})


@lru_cache
def _fonts() -> FontConfiguration:
    # One a process: building it anew would scan the machine's fonts for every document.
    return FontConfiguration()
