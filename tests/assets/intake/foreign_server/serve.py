"""Serve CDRs from a file with `extrawest-ocpi`, an OCPI server that nobody here wrote, on 127.0.0.1.

Runs in an environment of its own: `python serve.py PORT FOLDER`, where FOLDER has `<version>.ndjson` with the CDRs of
each version, oldest first. The framework owns transport, tokens, pages and shapes; only the storage is ours.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
os.environ |= {"OCPI_HOST": f"127.0.0.1:{PORT}", "PROTOCOL": "http"}

import uvicorn  # noqa: E402 - the framework reads its settings from the environment as it is imported
from py_ocpi import get_application  # noqa: E402
from py_ocpi.core.authentication.authenticator import Authenticator  # noqa: E402
from py_ocpi.core.crud import Crud  # noqa: E402
from py_ocpi.core.enums import ModuleID, RoleEnum  # noqa: E402
from py_ocpi.modules.versions.enums import VersionNumber  # noqa: E402

TOKEN = "foreign-token"


def _as_it_names_it(cdr):
    """Call the end of a 2.1.1 CDR as the framework does, and give its location the zone that it requires."""
    if "location" not in cdr:
        return cdr
    named = {"end_date_time" if name == "stop_date_time" else name: value for name, value in cdr.items()}
    return named | {"location": cdr["location"] | {"time_zone": "Europe/Berlin"}}


class Tokens(Authenticator):
    """Whom the server knows."""

    @classmethod
    async def get_valid_token_c(cls):
        """Give the tokens of registered clients."""
        return [TOKEN]

    @classmethod
    async def get_valid_token_a(cls):
        """Give the tokens of clients that are still to register."""
        return []


STORED = {
    path.stem: [_as_it_names_it(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    for path in FOLDER.glob("*.ndjson")
}
"""our CDRs, by version"""


class Storage(Crud):
    """Where the framework finds what it serves."""

    @classmethod
    async def list(cls, _module, _role, filters, *_, version, **_named):
        """Give a page, the total, and whether it is the last page."""
        found = [cdr for cdr in STORED[version.value] if _is_within(cdr, filters)]
        end = filters["offset"] + filters["limit"]
        return found[filters["offset"] : end], len(found), end >= len(found)


Storage.__abstractmethods__ = frozenset()


def _is_within(cdr, filters):
    at = datetime.fromisoformat(cdr["last_updated"])
    since, until = (_utc(filters[name]) for name in ("date_from", "date_to"))
    return (since is None or at >= since) and (until is None or at < until)


def _utc(at):
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    application = get_application(
        version_numbers=[VersionNumber.v_2_1_1, VersionNumber.v_2_2_1],
        roles=[RoleEnum.cpo],
        crud=Storage,
        modules=[ModuleID.cdrs],
        authenticator=Tokens,
    )
    uvicorn.run(application, host="127.0.0.1", port=PORT, log_level="error")
