"""Intake alone: CDRs from one NDJSON file into raw pages, and on to typed, checked, partitioned Parquet.

`file_to_typed` is the way of a dropped file: stored byte for byte with its hash, read, held to the contracts, written
by month. `bare_read_json` is the baseline: DuckDB's read_json of the same file into columns with exact decimals, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.intake_world import CONNECTION, write_cdrs
from tests.benchmarks.timing import Stage, timed

SIZES = (100_000, 1_000_000)
_MOST = 0.97
"""the share of the world's CDRs that have no fault for which they are quarantined, or more"""


def intake_world(home: Path, cdrs: int) -> Stage:
    """Make the file: no figure of ours, only what the others work on."""
    write_cdrs(home, cdrs)
    return timed(lambda: cdrs, "CDRs")


def file_to_typed(home: Path, _cdrs: int) -> Stage:
    """Take the file in and bring the typed tables up to it; counted are the CDRs that what became of is known."""
    from models.schemas.registry import Layer
    from pipelines.lib.intake.files.loading import FileSource, load_file
    from pipelines.lib.intake.normalise import normalise
    from pipelines.lib.lake import Lake
    from pipelines.lib.master_data import load_master
    from pipelines.lib.settings import load_settings

    settings = load_settings()
    lake = Lake(settings.lake)
    for name, frame in load_master(settings.master).items():
        lake.write(Layer.MASTER, name, frame)
    (hub,) = (each for each in settings.connections if each.connection_id == CONNECTION)
    connection = hub.model_copy(update={"parties": ()})  # the file has the CDRs of every operator of the world

    def work() -> int:
        load_file(settings, lake, home / "world" / "cdrs.ndjson", FileSource(connection, "cdrs"))
        report = normalise(settings, lake)
        if report.typed < _MOST * report.records:
            message = f"what is measured is not what is meant: {report}"
            raise AssertionError(message)
        return report.records

    return timed(work, "CDRs")


def bare_read_json(home: Path, _cdrs: int) -> Stage:
    """Read every column of every record with DuckDB, in parallel as it likes."""
    import duckdb

    from tests.benchmarks.stages import CDR_COLUMNS

    file = str(home / "world" / "cdrs.ndjson")

    def work() -> int:
        query = f"select * from read_json('{file}', format='newline_delimited', columns={CDR_COLUMNS})"
        return len(duckdb.sql(query).to_arrow_table())

    return timed(work, "CDRs")


STAGES: dict[str, Callable[[Path, int], Stage]] = {"file_to_typed": file_to_typed}
BASELINES = {"file_to_typed": "bare_read_json"}
HIDDEN = {"intake_world": intake_world, "bare_read_json": bare_read_json}
