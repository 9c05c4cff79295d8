"""The one way in which pages are made: Jinja templates with escaping on and undefined names refused."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.logos import PACKAGE


def templates(finalize: Callable[[object], object] | None = None) -> Environment:
    """Give the templates of this package.

    Args:
        finalize: what every value passes before it is escaped and written.
    """
    return Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
