r"""The console of the commands: what it prints cannot command the terminal.

Ids, names and reasons in the tables come from other parties. Rich drops a few control characters and lets the escape
through that begins a command: a case id `\x1b]0;…` could rename the window, move the cursor over an amount, or turn
the direction of a line. Every text passes here last, whichever command wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment

from reports.plain_text import Verbatim, shown

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType


class Terminal(Console):
    r"""A console on which what cannot be printed is shown as an escape such as `\u001b`."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as Rich does; its own commands (of progress, of colours) are no texts and stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control or segment.text.isprintable() else _harmless(segment)


def _harmless(segment: Segment) -> Segment:
    return Segment(str(shown(Verbatim(segment.text))), segment.style)
