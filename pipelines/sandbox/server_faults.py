"""Ways in which real peers misbehave, by name, for trying out a client's patience."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count

from starlette.requests import Request
from starlette.responses import Response

from pipelines.lib.errors import UserError

EVERY = 5
"""each fault strikes at every fifth request of a list, and never twice in a row"""

FAULTS = ("429", "500", "slow", "truncated")


def known_faults(names: Iterable[str]) -> tuple[str, ...]:
    """Check the names of faults; an unknown one is a `UserError` that lists the known ones."""
    chosen = tuple(names)
    for name in chosen:
        if name not in FAULTS:
            msg = f"server fault {name!r} is not known (known: {', '.join(FAULTS)})"
            raise UserError(msg)
    return chosen


class FaultLine:
    """Decides request by request whether one of the chosen faults strikes."""

    def __init__(self, faults: tuple[str, ...], slow_seconds: float) -> None:
        self._faults = faults
        self._slow_seconds = slow_seconds
        self._requests = count(1)

    def _struck_by(self) -> str | None:
        number = next(self._requests)
        if not self._faults or number % EVERY:
            return None
        return self._faults[number // EVERY % len(self._faults)]

    async def instead(self, request: Request, answer: Response) -> Response:
        """Give the answer, or what a faulty peer makes of it."""
        del request
        match self._struck_by():
            case "429":
                return Response(status_code=429, headers={"Retry-After": "0"})
            case "500":
                return Response(b"upstream connect error", status_code=500)
            case "slow":
                await asyncio.sleep(self._slow_seconds)
                return answer
            case "truncated":
                half = bytes(answer.body)[: len(answer.body) // 2]
                return Response(half, media_type="application/json")
            case _:
                return answer
