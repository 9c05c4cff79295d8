"""dbt in this process: starting one costs more than the build itself, so no `dbt` command is ever started.

Reading the project costs as much as building a month, and gives the same for every home: it is done once per state of
the files and kept in `dbt_project/target` (ignored by git); a build only puts its own lake into what was read.
Targets and logs of builds live beside the warehouse. dbt is imported on first use, because that takes seconds too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pipelines.lib.errors import UserError
from pipelines.lib.settings import CHECKOUT

PROJECT: Final = CHECKOUT / "dbt_project"
_PROJECT_SUFFIXES: Final = frozenset({".sql", ".yml"})
_KEPT: Final = "parsed-"
_PACKED: Final = "manifest.msgpack"
_LAKE: Final = "/lake-of-a-home"
"""stands in the parsed project where a build puts its own lake"""
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
    """always named alike (`build.duckdb`), for dbt names the database after it"""
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
    # The results come back as values; written out as JSON they would cost a tenth of the build.
    more = ("--no-write-json",) if with_unit_tests else ("--no-write-json", "--exclude-resource-type", "unit_test")
    with _ONE_AT_A_TIME:
        result = _invoke("build", paths, _manifest_for(paths.lake), more)
    if result.exception is not None:
        msg = f"dbt could not build the warehouse: {_one_line(result.exception)}"
        raise DbtFailedError(msg)
    return [_node_result(run) for run in result.result.results]


def manifest_file() -> Path:
    """Give the `manifest.json` that fits the project's files: Dagster and the publisher know the models from it."""
    return _parsed() / "manifest.json"


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


def _parsed() -> Path:
    """Give the folder of the parsed project, parsing only where none was kept for these files."""
    kept = PROJECT / "target" / f"{_KEPT}{_fingerprint()}"
    with _ONE_AT_A_TIME:
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            older = list(kept.parent.glob(f"{_KEPT}*"))
            _keep(_parse(Path(tempfile.mkdtemp(dir=kept.parent))), kept)
            for folder in older:
                shutil.rmtree(folder, ignore_errors=True)
    return kept


def _parse(work: Path) -> Path:
    """Read the project into a folder of its own: as JSON for others, and packed for dbt itself."""
    from dbt.parser.manifest import extended_mashumaro_encoder  # noqa: PLC0415 - seconds, see above

    result = _invoke("parse", DbtPaths(lake=_LAKE, build_file=work / "build.duckdb", work=work))
    if not result.success:
        shutil.rmtree(work, ignore_errors=True)
        msg = f"dbt could not read {PROJECT.name}: {_one_line(result.exception)}"
        raise DbtFailedError(msg)
    (work / _PACKED).write_bytes(result.result.to_msgpack(extended_mashumaro_encoder))
    (work / "target" / "manifest.json").replace(work / "manifest.json")
    return work


def _keep(work: Path, kept: Path) -> None:
    try:
        work.rename(kept)
    except OSError:  # another process was first; both read the same files
        shutil.rmtree(work, ignore_errors=True)


def _manifest_for(lake: str) -> Any:  # noqa: ANN401 - dbt's Manifest; importing dbt for its type costs seconds
    """Unpack the parsed project and put a lake's own path into its sources."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415 - seconds, see above
    from dbt.parser.manifest import extended_mashumuro_decoder  # noqa: PLC0415 - seconds, see above

    manifest = Manifest.from_msgpack((_parsed() / _PACKED).read_bytes(), decoder=extended_mashumuro_decoder)
    for source in manifest.sources.values():
        for meta in (source.meta, source.config.meta, source.source_meta):
            if "external_location" in meta:
                meta["external_location"] = meta["external_location"].replace(_LAKE, lake)
    return manifest


def _fingerprint() -> str:
    """Hash what decides the result of a parse: the project's files and the versions that read them."""
    digest = hashlib.sha256("|".join(version(name) for name in ("dbt-core", "dbt-duckdb")).encode())
    for path in project_files():
        digest.update(f"{path.relative_to(PROJECT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _invoke(command: str, paths: DbtPaths, manifest: Any = None, more: Sequence[str] = ()) -> Any:  # noqa: ANN401 - dbt's own types, see above
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
    with environment(paths.environment):
        try:
            return dbtRunner(manifest=manifest).invoke(arguments)
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
