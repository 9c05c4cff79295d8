"""CDRs by the million in one NDJSON file, as a peer would drop it: copies of a world of the sandbox, each of its own.

A world of a million sessions takes the sandbox a quarter of an hour to live through, and its peers charge by the same
tariffs at the same places as in one of ten thousand. So the CDRs of a small world are written again and again, every
copy under its own CDR, session and authorization ids; nothing else about a record changes, its faults neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Final

from models.types.time import BillingMonth
from pipelines.sandbox.connections import connections_at
from pipelines.sandbox.files import settings_toml, write_master
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import build_world

CONNECTION: Final = "hub"
"""the connection that the file is said to come from: the one that stands for several parties"""

_SEED: Final = 11
_SESSIONS: Final = 10_000
_MONTH: Final = "2026-10"
_BLOCK: Final = 5_000
"""records written at once"""

_OWN: Final = re.compile(rb'"(?:id":"[A-Z]+-C|session_id":"[A-Z]+-|authorization_reference":"[A-Z]+-)(?=[0-9A-Z])')
"""what the names of one session begin with: the CDR LDW-C0000001, the session LDW-S0000001"""


def write_cdrs(home: Path, cdrs: int) -> None:
    """Write `world/cdrs.ndjson` with so many CDRs, and the books and settings that intake needs."""
    world = build_world(_SEED, min(_SESSIONS, cdrs), BillingMonth.parse(_MONTH))
    write_master(world, home / "master")
    (home / "roamledger.toml").write_text(settings_toml(connections_at("http://127.0.0.1:9")), encoding="utf-8")
    (home / "world").mkdir(parents=True, exist_ok=True)
    peers = [objects for (_, module), objects in wire_modules(world).items() if module == "cdrs"]
    bodies = [each.body for objects in peers for each in objects]
    with (home / "world" / "cdrs.ndjson").open("wb") as file:
        lines = islice(_copies(bodies), cdrs)
        while block := list(islice(lines, _BLOCK)):
            file.write(b"\n".join([*block, b""]))


def _copies(bodies: list[bytes]) -> Iterator[bytes]:
    for copy in count():
        own = rb"\g<0>%d-" % copy
        yield from (_OWN.sub(own, body) for body in bodies) if copy else bodies
