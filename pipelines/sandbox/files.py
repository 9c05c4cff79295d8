"""The world on disk: what peers serve as NDJSON, the eMSP's own books as CSV, and the truth as CSV."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from pipelines.sandbox.connections import connections_at, settings_toml
from pipelines.sandbox.master import master_rows
from pipelines.sandbox.places import STATIC
from pipelines.sandbox.truth import (
    AuthorizationTruth,
    BillTruth,
    CdrTruth,
    InvoiceTruth,
    ReimbursementTruth,
    RejectTruth,
)
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import World

__all__ = ["settings_toml", "write_master", "write_truth", "write_world"]

STATIC_TABLES = ("legal_entities", "vat_registrations", "plans", "plan_tariffs", "agreements", "fx_rates")


def write_world(world: World, directory: Path) -> None:
    """Write a world: `peers/<connection>/<module>.ndjson`, `master/`, `truth/` and a `roamledger.toml`."""
    for (connection_id, module), objects in sorted(wire_modules(world).items()):
        path = _made(directory / "peers" / connection_id) / f"{module}.ndjson"
        path.write_bytes(b"".join(each.body + b"\n" for each in objects))
    write_master(world, directory / "master")
    write_truth(world, directory / "truth")
    if world.exhibits.truth:
        rows = [
            (each.cdr_key, ";".join(sorted(each.must_fire)), ";".join(sorted(each.may_fire)))
            for each in world.exhibits.truth
        ]
        _write(directory / "truth" / "rules.csv", ["cdr_key", "must_fire", "may_fire"], rows)
    (directory / "roamledger.toml").write_text(settings_toml(connections_at("http://127.0.0.1:8770")), encoding="utf-8")


def write_master(world: World, directory: Path) -> None:
    """Write the eMSP's own books: the static tables as they are, and the people of this world."""
    _made(directory)
    for name in STATIC_TABLES:
        shutil.copyfile(STATIC / f"{name}.csv", directory / f"{name}.csv")
    shutil.copyfile(STATIC / "plan_tariffs.json", directory / "plan_tariffs.json")
    for name, rows in master_rows(world.people).items():
        _write(directory / f"{name}.csv", list(rows[0]), [list(row.values()) for row in rows])


def write_truth(world: World, directory: Path) -> None:
    """Write the truth tables."""
    _made(directory)
    truth = world.truth
    tables: dict[str, tuple[type[Any], Sequence[Any]]] = {
        "cdrs": (CdrTruth, truth.cdrs),
        "invoices": (InvoiceTruth, truth.invoices),
        "bills": (BillTruth, truth.bills),
        "reimbursements": (ReimbursementTruth, truth.reimbursements),
        "authorizations": (AuthorizationTruth, truth.authorizations),
        "rejects": (RejectTruth, truth.rejects),
    }
    for name, (kind, rows) in tables.items():
        header = [field.name for field in fields(kind)]
        _write(directory / f"{name}.csv", header, map(astuple, rows))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
