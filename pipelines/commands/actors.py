"""Who decides: said on the command line, or else who is logged in."""

from __future__ import annotations

import getpass

from pipelines.lib.errors import UserError


def actor_or_user(actor: str) -> str:
    """Give the actor, by default the name under which this process runs.

    Raises:
        UserError: where there is no such name, as in a container under a bare user id.
    """
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError):
        msg = "nobody is logged in by name: say who decides with --by"
        raise UserError(msg) from None
