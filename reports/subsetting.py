"""Font subsetting for PDFs: the glyphs that a document uses, cut out by HarfBuzz.

WeasyPrint does this with the system's libharfbuzz-subset, and where that is missing with fontTools, which takes ten
times longer and stamps the time into the font, so that the same document would not give the same bytes twice. The
package uharfbuzz brings HarfBuzz along: one way on every machine.
"""

# pyright: reportAttributeAccessIssue=false
# uharfbuzz re-exports its compiled module with a star, which the type checker cannot follow.
from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import uharfbuzz as harfbuzz
from weasyprint.pdf import fonts

_LAYOUT_TABLES: Final = ("BASE", "DSIG", "EBDT", "EBLC", "EBSC", "GPOS", "GSUB", "JSTF", "LTSH", "PCLT", "SVG ")
"""a PDF holds glyphs already placed: nothing reads these tables any more"""


def install() -> None:
    """Let WeasyPrint subset fonts here; calling it again changes nothing."""
    fonts.Font.subset = _subset


def _subset(font: fonts.Font, to_unicode: dict[int, str], hinting: bool) -> None:  # noqa: FBT001 - WeasyPrint's call
    """Replace a font's bytes by those of the used glyphs; glyph ids stay, because the page already names them."""
    if not to_unicode:
        return
    flags = harfbuzz.SubsetFlags.PASSTHROUGH_UNRECOGNIZED | harfbuzz.SubsetFlags.DESUBROUTINIZE
    if font.missing:
        flags |= harfbuzz.SubsetFlags.NOTDEF_OUTLINE
    if not hinting:
        flags |= harfbuzz.SubsetFlags.NO_HINTING
    face = harfbuzz.Face(font.file_content, font.index)
    used = _cut(face, to_unicode, flags | harfbuzz.SubsetFlags.RETAIN_GIDS)
    # The first cut leaves an empty glyph for every id that is not used; those after the last used one can go.
    font.file_content = _cut(used, range(max(to_unicode) + 1), flags).blob.data


def _cut(face: harfbuzz.Face, glyphs: Iterable[int], flags: harfbuzz.SubsetFlags) -> harfbuzz.Face:
    wanted = harfbuzz.SubsetInput()
    wanted.glyph_set.update(glyphs)
    wanted.drop_table_tag_set.update(int.from_bytes(name.encode(), "big") for name in _LAYOUT_TABLES)
    wanted.flags = flags
    return wanted.subset(face)
