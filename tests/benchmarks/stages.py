"""The stages that `make bench` measures, and their baselines: one process each, figures as one JSON line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import cast

from tests.benchmarks import intake_stages, pull_stages, rating_stages, reconciliation_stages
from tests.benchmarks.memory import PeakMemory
from tests.benchmarks.timing import Stage, timed

SEED = 11
MONTH = "2026-10"
NOW = "2026-11-05T05:00:00+00:00"
DOCUMENTS = 60
"""PDFs rendered per size: their time is linear in lines, so a sample tells it"""


def _stores():
    from pipelines.lib.lake import Lake
    from pipelines.lib.register import Register
    from pipelines.lib.settings import load_settings

    settings = load_settings()
    return settings, Lake(settings.lake), Register(settings.register)


def _cdrs_and_periods(lake):
    from models.schemas.registry import Layer

    return lake.read_months(Layer.TYPED, "cdrs"), lake.read_months(Layer.TYPED, "charging_periods")


def pull(home: Path, sessions: int) -> Stage:
    """Fetch every module over HTTP from a sandbox in another process, into raw pages."""
    from models.types.time import BillingMonth
    from pipelines.lib.intake.pull import pull as pull_all
    from pipelines.sandbox.files import settings_toml, write_master, write_world
    from pipelines.sandbox.server import SandboxServer
    from pipelines.sandbox.world import build_world

    world = build_world(SEED, sessions, BillingMonth.parse(MONTH))
    write_master(world, home / "master")
    write_world(world, home / "world")
    with SandboxServer(world) as server:
        os.environ.update(server.tokens())
        (home / "roamledger.toml").write_text(settings_toml(server.connections()))
        settings, lake, register = _stores()
        return timed(lambda: pull_all(settings, lake, register).records, "records")


def intake(_home: Path, _sessions: int) -> Stage:
    """Normalise the raw pages into typed, checked tables."""
    from models.schemas.registry import Layer
    from pipelines.lib.intake.normalise import normalise
    from pipelines.lib.master_data import load_master

    settings, lake, _ = _stores()
    for name, frame in load_master(settings.master).items():
        lake.write(Layer.MASTER, name, frame)

    def work() -> int:
        normalise(settings, lake)
        return len(_cdrs_and_periods(lake)[0])

    return timed(work, "CDRs")


_PRICE = "STRUCT(excl_vat DECIMAL(18,9), incl_vat DECIMAL(18,9))"
_COMPONENT = 'STRUCT("type" VARCHAR, price DECIMAL(18,9), vat DECIMAL(9,4), step_size BIGINT)'
_TARIFF = (
    'STRUCT(country_code VARCHAR, party_id VARCHAR, id VARCHAR, currency VARCHAR, "type" VARCHAR, '
    f"elements STRUCT(price_components {_COMPONENT}[], restrictions JSON)[], min_price {_PRICE}, max_price {_PRICE}, "
    "start_date_time VARCHAR, end_date_time VARCHAR, last_updated VARCHAR)"
)
CDR_COLUMNS = {
    **dict.fromkeys(("country_code", "party_id", "id", "session_id", "authorization_reference"), "VARCHAR"),
    **dict.fromkeys(("start_date_time", "end_date_time", "auth_method", "currency", "last_updated"), "VARCHAR"),
    **dict.fromkeys(("credit_reference_id", "meter_id", "remark", "invoice_reference_id"), "VARCHAR"),
    **dict.fromkeys(("credit", "home_charging_compensation"), "BOOLEAN"),
    "cdr_token": 'STRUCT(country_code VARCHAR, party_id VARCHAR, uid VARCHAR, "type" VARCHAR, contract_id VARCHAR)',
    "cdr_location": (
        "STRUCT(id VARCHAR, name VARCHAR, address VARCHAR, city VARCHAR, postal_code VARCHAR, state VARCHAR, "
        "country VARCHAR, coordinates STRUCT(latitude VARCHAR, longitude VARCHAR), evse_uid VARCHAR, evse_id VARCHAR, "
        "connector_id VARCHAR, connector_standard VARCHAR, connector_format VARCHAR, connector_power_type VARCHAR)"
    ),
    "charging_periods": (
        'STRUCT(start_date_time VARCHAR, dimensions STRUCT("type" VARCHAR, volume DECIMAL(18,9))[], '
        "tariff_id VARCHAR)[]"
    ),
    "tariffs": f"{_TARIFF}[]",
    **{f"total_{part}cost": _PRICE for part in ("", "fixed_", "energy_", "time_", "parking_", "reservation_")},
    **dict.fromkeys(("total_energy", "total_time", "total_parking_time"), "DECIMAL(18,9)"),
}
"""A CDR of 2.2.1 as DuckDB columns; named, because guessing them from a sample fails at the first rare record."""


def duckdb_read_json(home: Path, _sessions: int) -> Stage:
    """Baseline of intake: DuckDB's bare read_json of the same CDRs, every column of the record, decimals exact."""
    import duckdb

    files = [str(path) for path in (home / "world").rglob("cdrs.ndjson")]

    def work() -> int:
        query = f"select * from read_json({files}, format='newline_delimited', columns={CDR_COLUMNS})"
        return len(duckdb.sql(query).to_arrow_table())

    return timed(work, "CDRs")


def rating(_home: Path, _sessions: int) -> Stage:
    """Price every CDR from typed Parquet with the kernel."""
    from models.rating.kernel import rate
    from models.rating.selection import select_wholesale
    from models.schemas.registry import Layer

    _, lake, _ = _stores()

    def work() -> int:
        cdrs, periods = _cdrs_and_periods(lake)
        versions = lake.read(Layer.TYPED, "tariff_versions")
        components = lake.read(Layer.TYPED, "tariff_components")
        chosen = select_wholesale(cdrs, periods, versions, lake.read(Layer.TYPED, "connectors"))
        return len(rate(chosen.sessions, periods, versions, components).cdrs)

    return timed(work, "CDRs")


def one_cdr_reference(home: Path, _sessions: int) -> Stage:
    """Baseline of rating: the one-CDR reference over the same CDRs, already read into memory."""
    from zoneinfo import ZoneInfo

    from models.ocpi.exact_json import decode_json
    from models.ocpi.reading import parse_cdr, parse_tariff
    from models.rating.reference import price_cdr

    published = {}
    for path in (home / "world").rglob("tariffs.ndjson"):
        for line in path.read_bytes().splitlines():
            tariff = parse_tariff(cast("dict[str, object]", decode_json(line)), "2.2.1")
            published.setdefault((tariff.owner_id, tariff.tariff_id), []).append(tariff)
    cdrs = [
        parse_cdr(cast("dict[str, object]", decode_json(line)), "2.2.1")
        for path in (home / "world").rglob("cdrs.ndjson")
        for line in path.read_bytes().splitlines()
    ]
    zone = ZoneInfo("Europe/Berlin")

    def work() -> int:
        for cdr in cdrs:
            wanted = {period.tariff_id for period in cdr.periods}
            tariffs = cdr.tariffs or [t for name in wanted for t in published.get((cdr.owner_id, name), ())]
            price_cdr(cdr, tariffs, zone)
        return len(cdrs)

    return timed(work, "CDRs")


def _run_month(groups, without=()) -> None:
    from pipelines.lib.runs import run_assets

    for month in ("2026-09", MONTH):
        run_assets(groups, partition=month, without=without)


def reconciliation(_home: Path, _sessions: int) -> Stage:
    """Match, check by every rule, judge, and keep the disputes: the assets as they run, with their contracts."""
    _, lake, _ = _stores()
    _run_month(("rating",))

    def work() -> int:
        _run_month(("reconciliation",))
        return len(_cdrs_and_periods(lake)[0])

    return timed(work, "CDRs")


def bare_join(_home: Path, _sessions: int) -> Stage:
    """Baseline of reconciliation: one DuckDB join of CDRs with authorizations by reference, and nothing else."""
    import duckdb

    _, lake, _ = _stores()
    cdrs, authorizations = (f"{lake.root}/typed/{name}/*/part-0.parquet" for name in ("cdrs", "authorizations"))

    def work() -> int:
        query = (
            f"select c.*, a.authorization_id from '{cdrs}' as c "
            f"left join '{authorizations}' as a using (authorization_reference, token_uid)"
        )
        return len(duckdb.sql(query).pl())

    return timed(work, "CDRs")


def close(_home: Path, _sessions: int) -> Stage:
    """Charge both months and close them: retail prices, VAT, documents, numbers."""
    from pipelines.lib.runs import definitions

    _, lake, _ = _stores()
    definitions()  # loading Dagster and dbt is the same ten seconds whatever the size

    def work() -> int:
        _run_month(("billing",))
        return len(_cdrs_and_periods(lake)[0])

    return timed(work, "CDRs")


def dbt(_home: Path, _sessions: int) -> Stage:
    """Build, test and publish the warehouse."""
    from pipelines.lib.warehouse import build_and_publish

    settings, lake, _ = _stores()

    def work() -> int:
        build_and_publish(settings, lake)
        return len(_cdrs_and_periods(lake)[0])

    return timed(work, "CDRs")


def plain_sql(home: Path, _sessions: int) -> Stage:
    """Baseline of dbt: the SQL that dbt compiled, run in order in plain DuckDB, without tests."""
    import duckdb

    from pipelines.lib.dbt import manifest_file

    _, lake, _ = _stores()
    nodes = json.loads(manifest_file().read_text())["nodes"]
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    compiled = home / "warehouse" / "dbt" / "target" / "compiled" / "roamledger"

    def work() -> int:
        done: set[str] = set()
        with duckdb.connect() as con:
            con.execute("attach ':memory:' as build")
            while len(done) < len(models):
                for name, node in models.items():
                    if name not in done and set(node["depends_on"]["nodes"]) & set(models) <= done:
                        con.execute(f"create schema if not exists build.{node['schema']}")
                        sql = (compiled / node["original_file_path"]).read_text()
                        con.execute(f"create table build.{node['schema']}.{node['alias']} as {sql}")
                        done.add(name)
        return len(_cdrs_and_periods(lake)[0])

    return timed(work, "CDRs")


def _sample(settings, register):
    from pipelines.lib.register.documents import issued_documents

    with register.transaction() as tx:
        issued = issued_documents(tx)
    return issued[:: max(1, len(issued) // DOCUMENTS)][:DOCUMENTS]


def pdf(_home: Path, _sessions: int) -> Stage:
    """Render a sample of the issued documents, from stored content to PDF bytes, in one process."""
    from pipelines.lib.rendering import pdf_of

    settings, _, register = _stores()
    sample = _sample(settings, register)
    return timed(lambda: sum(bool(pdf_of(each)) for each in sample), "documents")


def bare_weasyprint(_home: Path, _sessions: int) -> Stage:
    """Baseline of pdf: WeasyPrint alone on the same HTML, made beforehand."""
    from weasyprint import HTML

    from pipelines.lib.rendering import html_of

    settings, _, register = _stores()
    pages = [html_of(each) for each in _sample(settings, register)]
    return timed(lambda: sum(bool(HTML(string=page).write_pdf()) for page in pages), "documents")


STAGES: dict[str, Callable[[Path, int], Stage]] = {
    "pull": pull,
    "intake": intake,
    "rating": rating,
    "reconciliation": reconciliation,
    "close": close,
    "dbt": dbt,
    "pdf": pdf,
}
BASELINES = {
    "intake": "duckdb_read_json",
    "rating": "one_cdr_reference",
    "reconciliation": "bare_join",
    "dbt": "plain_sql",
    "pdf": "bare_weasyprint",
}
_BASELINE_STAGES = {
    function.__name__: function
    for function in (duckdb_read_json, one_cdr_reference, bare_join, plain_sql, bare_weasyprint)
}


def main(name: str, home: Path, sessions: int) -> None:
    """Run one stage in this process and print its figures."""
    os.environ |= {"ROAMLEDGER_HOME": str(home), "ROAMLEDGER_NOW": NOW}
    known = STAGES | _BASELINE_STAGES | intake_stages.STAGES | intake_stages.HIDDEN
    known |= reconciliation_stages.STAGES | reconciliation_stages.HIDDEN
    known |= rating_stages.STAGES | rating_stages.HIDDEN | pull_stages.STAGES | pull_stages.HIDDEN
    with PeakMemory() as peak:
        stage = known[name](home, sessions)
    print(json.dumps({**asdict(stage), "peak_mib": peak.mib}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
