"""dbt in this process: starting one costs more than the build itself, so no `dbt` command is ever started.

Targets and logs live beside the warehouse, so that the checkout stays clean; partial parsing keeps a
second build short. dbt is imported on first use, because it takes seconds.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.lib.errors import UserError
from pipelines.lib.settings import CHECKOUT

PROJECT: Final = CHECKOUT / "dbt_project"
_PROJECT_SUFFIXES: Final = frozenset({".sql", ".yml"})
_QUIET: Final = ("--quiet", "--log-level", "none", "--log-level-file", "warn", "--no-use-colors", "--no-version-check")
_ONE_AT_A_TIME: Final = threading.RLock()
"""dbt keeps its flags, its adapter and our environment variables per process"""
_FAILED: Final = frozenset({"error", "fail", "runtime error"})


class DbtFailedError(UserError):
    """A model or a test of the warehouse failed: the text names the first node and what dbt said of it."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one model or test."""

    unique_id: str
    name: str
    kind: str
    """model, test or unit_test"""
    status: str
    """dbt's word: success, pass, warn, fail, error, skipped"""
    message: str
    failures: int
    """failing rows, of a test"""
    seconds: float

    @property
    def has_failed(self) -> bool:
        """Whether this node itself broke; a skipped node only stands behind one that did."""
        return self.status in _FAILED

    def __str__(self) -> str:
        """Say it in one line."""
        said = " ".join(self.message.split()) or f"status {self.status}"
        return f"{self.kind.replace('_', ' ')} {self.name}: {said}"


@dataclass(frozen=True, slots=True)
class DbtPaths:
    """Where one dbt run reads and writes."""

    lake: str
    """absolute path (or URL) of the lake"""
    build_file: Path
    work: Path
    """folder of targets and logs"""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that profile and sources read."""
        return {
            "ROAMLEDGER_LAKE": self.lake,
            "ROAMLEDGER_WAREHOUSE_BUILD": str(self.build_file),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }


def build(paths: DbtPaths, *, with_unit_tests: bool = False) -> list[NodeResult]:
    """Build and test every model; give all results, failed ones included, so that the caller can report each.

    Unit tests judge the SQL, not the data: this project's own tests ask for them, a nightly build need not.
    """
    result = _invoke("build", paths, () if with_unit_tests else ("--exclude-resource-type", "unit_test"))
    if result.exception is not None:
        msg = f"dbt could not build the warehouse: {_one_line(result.exception)}"
        raise DbtFailedError(msg)
    return [_node_result(run) for run in result.result.results]


def parse(paths: DbtPaths) -> None:
    """Read the project and write its `manifest.json` below `paths.work / "target"`."""
    result = _invoke("parse", paths)
    if not result.success:
        msg = f"dbt could not read {PROJECT.name}: {_one_line(result.exception)}"
        raise DbtFailedError(msg)


def manifest_file() -> Path:
    """Give a `manifest.json` that fits the project's files, parsing them only where none was kept.

    Dagster needs it to know the models. It is kept under the hash of the project's files, so it is never stale.
    """
    file = PROJECT / "target" / f"manifest-{_fingerprint()}.json"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            work = Path(folder)
            parse(DbtPaths(lake=str(work), build_file=work / "unused.duckdb", work=work))
            (work / "target" / "manifest.json").replace(file)
    return file


def raise_for_failures(results: Sequence[NodeResult]) -> None:
    """Raise `DbtFailedError` for the first node that broke, and say how many more did."""
    failed = [result for result in results if result.has_failed]
    if not failed:
        return
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    msg = f"warehouse: {failed[0]}{more}; what was published before stays published"
    raise DbtFailedError(msg)


def project_files() -> list[Path]:
    """List the files that decide what a parse gives, in a stable order."""
    generated = {PROJECT / "target", PROJECT / "logs"}
    return sorted(
        path
        for path in PROJECT.rglob("*")
        if path.suffix in _PROJECT_SUFFIXES and not generated.intersection(path.parents)
    )


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in project_files():
        digest.update(f"{path.relative_to(PROJECT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables and put back what was there before, whatever happens."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _invoke(command: str, paths: DbtPaths, more: Sequence[str] = ()) -> Any:  # noqa: ANN401 - dbtRunnerResult; importing dbt for its type costs seconds
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - seconds, see above
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - seconds, see above

    arguments = [
        command,
        *("--project-dir", str(PROJECT)),
        *("--profiles-dir", str(PROJECT)),
        *("--target-path", str(paths.work / "target")),
        *("--log-path", str(paths.work / "logs")),
        *_QUIET,
        *more,
    ]
    with _ONE_AT_A_TIME, environment(paths.environment):
        try:
            return dbtRunner().invoke(arguments)
        finally:
            # dbt-duckdb keeps its connection for the life of the process; the file could be neither copied nor rebuilt.
            DuckDBConnectionManager.close_all_connections()


def _node_result(run: Any) -> NodeResult:  # noqa: ANN401 - dbt's RunResult, see above
    return NodeResult(
        unique_id=run.node.unique_id,
        name=run.node.name,
        kind=str(run.node.resource_type),
        status=str(run.status),
        message=run.message or "",
        failures=run.failures or 0,
        seconds=run.execution_time,
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) if error is not None else "see its log"
