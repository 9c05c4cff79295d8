"""`roamledger rules`: the catalogue of reconciliation rules, as the page in `docs/` has it."""

from __future__ import annotations

from models.reconciliation.rules.page import catalogue_page


def show() -> int:
    """Print the page, unwrapped, so that it can be sent into a file; give the exit code."""
    print(catalogue_page(), end="")  # noqa: T201 - Markdown for a file, which a console would wrap and colour
    return 0
