"""Run the `roamledger` command and die at a named place, as if the power had failed there: no clean-up, no word."""

import os
import sys
from collections.abc import Callable

from pipelines.cli import main
from pipelines.lib import close, warehouse
from pipelines.lib.intake import page_keeper, page_pack
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore

STATUS = 137


def die(*_arguments, **_named):
    """End the process at once."""
    os._exit(STATUS)


def after_calls(function: Callable, calls: int) -> Callable:
    """Let a function be called so many times, then die before the next call."""
    left = iter(range(calls))
    return lambda *arguments, **named: function(*arguments, **named) if next(left, None) is not None else die()


def on_table(name: str, *, is_written: bool) -> Callable:
    """Die before or after a table of the lake is put in its place."""
    write = Lake.write

    def writing(lake, layer, table, *arguments, **named):
        wanted = f"{layer}/{table}" == name
        if wanted and not is_written:
            die()
        path = write(lake, layer, table, *arguments, **named)
        if wanted:
            die()
        return path

    return writing


def arm(place: str) -> None:
    """Set the trap."""
    kind, _, what = place.partition(":")
    match kind:
        case "before" | "after":
            Lake.write = on_table(what, is_written=kind == "after")
        case "page":
            page_keeper.BATCH = page_pack.FULL = 1  # every page is written by itself
            RawStore.write_file = after_calls(RawStore.write_file, int(what))
        case "commit":
            close.finish_close = die
        case "publish":
            warehouse._write_analytics = die
        case "file":
            Lake.write_bytes = after_calls(Lake.write_bytes, int(what))
        case _:
            sys.exit(f"no such place: {place}")


if __name__ == "__main__":
    arm(sys.argv[1])
    sys.argv = ["roamledger", *sys.argv[2:]]
    main()
