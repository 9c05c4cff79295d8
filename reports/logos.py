"""Logos: one SVG per legal entity in `logos/`, named after it; without one the letterhead sets the name in type."""

import re
import unicodedata
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent


def logo_for(legal_name: str) -> str | None:
    """Give the logo's path inside this package, or None: `Nordstern Mobility GmbH` -> its file in `logos/`."""
    plain = unicodedata.normalize("NFKD", legal_name).encode("ascii", "ignore").decode().lower()
    path = f"logos/{re.sub(r'[^a-z0-9]+', '-', plain).strip('-')}.svg"
    return path if (PACKAGE / path).is_file() else None
