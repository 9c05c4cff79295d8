"""What a pack keeps to itself: ids that the CPO did not send, and reasons that are ours alone.

A finding may name the CDR of another operator, or the contract that a token is on. Both prove the point to us; handed
to a CPO they would tell where else a driver charges, and who the customer is.
"""

import re
from collections.abc import Iterable
from typing import Final

from models.types.vocabularies import DisputeEventKind

WITHHELD: Final = "(withheld)"

OURS_ALONE: Final = frozenset(
    {
        DisputeEventKind.WITHDRAWN,
        DisputeEventKind.WRITTEN_OFF,
        DisputeEventKind.PAID_UNDER_PROTEST,
        DisputeEventKind.ESCALATED,
    }
)
"""decisions whose reasons no CPO is told where a person gave them"""


class Discretion:
    """Takes some ids out of texts."""

    def __init__(self, ids: Iterable[str | None]) -> None:
        """Name the ids; None and empty ones are ignored."""
        wanted = sorted({each for each in ids if each}, key=lambda each: (-len(each), each))
        whole = "|".join(re.escape(each) for each in wanted)
        self._pattern = re.compile(rf"(?<![\w*-])(?:{whole})(?![\w*-])", re.IGNORECASE) if whole else None

    def text(self, text: str) -> str:
        """Give a text without the ids; only whole ones are taken out."""
        return text if self._pattern is None else self._pattern.sub(WITHHELD, text)

    def optional(self, text: str | None) -> str | None:
        """Give a text without the ids, or None."""
        return None if text is None else self.text(text)
