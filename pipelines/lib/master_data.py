"""The eMSP's own books: CSV files under the master contracts, read exactly, with every fault named by file and line.

Bad master data is bad configuration: it raises a `UserError` that names file, line and column and says what to do. A
bill made from books that contradict each other would be worse than none.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, NoReturn, cast

import polars as pl

from models.ocpi.canonical import Tariff
from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.locations import is_time_zone
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_tariff
from models.rating.policy import PolicyError, read_choices
from models.reconciliation.thresholds import ThresholdError, read_thresholds
from models.schemas.registry import TABLES, Layer, Table
from models.types.money import is_known_currency, written_number
from models.types.vocabularies import CurrentType, ReimbursementBasis, TariffSource
from pipelines.lib.errors import UserError
from pipelines.lib.settings import CHECKOUT

PLAN_TARIFFS: Final = "plan_tariffs.json"
"""the plans' price lists: a JSON list of OCPI 2.3.0 Tariff objects"""

COUNTRIES: Final = CHECKOUT / "data" / "reference" / "countries.csv"

_MASTER: Final = tuple(table for table in TABLES if table.layer == Layer.MASTER)
_OPTIONAL: Final = frozenset({"account_vat_ids", "drivers", "vehicles", "home_chargers", "fx_rates"})
"""files that a company without fleets, home charging or foreign currency does not need"""

_PLANS_KNOWN_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A price list of ours without a start was always known to us; a fixed instant keeps rebuilt tables identical."""

_REFERENCES: Final = (
    ("vat_registrations", "legal_entity_id", "legal_entities"),
    ("accounts", "legal_entity_id", "legal_entities"),
    ("account_vat_ids", "account_id", "accounts"),
    ("plan_tariffs", "plan_id", "plans"),
    ("contracts", "account_id", "accounts"),
    ("contracts", "plan_id", "plans"),
    ("contracts", "driver_id", "drivers"),
    ("contracts", "vehicle_id", "vehicles"),
    ("drivers", "account_id", "accounts"),
    ("vehicles", "account_id", "accounts"),
    ("home_chargers", "driver_id", "drivers"),
)
"""(table, column, the table whose key it must be in)"""

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell of one file, for its message."""

    file: Path
    line: int
    column: str
    text: str

    def refuse(self, expected: str) -> NoReturn:
        """Raise the `UserError` of a cell that cannot be read."""
        where = f"{self.file}, line {self.line}, column {self.column}"
        msg = f"{where}: expected {expected}, found {self.text!r}"
        raise UserError(msg) from None


def load_master(folder: Path) -> dict[str, pl.DataFrame]:
    """Read every master table from a folder and hold them against each other.

    Raises:
        UserError: on a missing file, a bad cell, a repeated key or a reference to nothing; one line each.
    """
    if not folder.is_dir():
        msg = f"master data folder {folder} does not exist: create it with the CSV files, or set master_data"
        raise UserError(msg)
    tables = {table.name: _read_table(folder, table) for table in _MASTER}
    for check in (
        _check_legal_entity,
        _check_references,
        _check_plans,
        _check_words,
        _check_policies,
        _check_thresholds,
        _check_home_chargers,
    ):
        for complaint in check(folder, tables):
            raise UserError(complaint)
    return tables


def plan_tariff_frames(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the plans' price lists as `typed/tariff_versions` and `typed/tariff_components`, source `plan`.

    The normalisation writes them into the two typed tables beside the CPOs' tariffs. `known_from` is the tariff's own
    start, or 2000-01-01 where it has none: we always knew our own prices, and a rebuilt table must not depend on when.
    Billing finds a plan's versions by `source == plan`, the legal entity's `owner_id` and the `tariff_id` of
    `master/plan_tariffs`.
    """
    tariffs = _plan_tariffs(folder)
    return tariff_frames((each, TariffSource.PLAN, each.valid_from or _PLANS_KNOWN_FROM) for each in tariffs)


@functools.cache
def alpha2_by_alpha3() -> dict[str, str]:
    """Give ISO 3166-1 alpha-2 codes by alpha-3, and by themselves: some peers send alpha-2 where alpha-3 is due."""
    with COUNTRIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["alpha3"]: row["alpha2"] for row in rows} | {row["alpha2"]: row["alpha2"] for row in rows}


def _plan_tariffs(folder: Path) -> list[Tariff]:
    path = folder / PLAN_TARIFFS
    if not path.exists():
        return []
    try:
        listed = decode_json(path.read_bytes())
    except RecordProblem as problem:
        msg = f"{path}: {problem.message}"
        raise UserError(msg) from None
    if not isinstance(listed, list):
        msg = f"{path}: expected a list of OCPI 2.3.0 Tariff objects"
        raise UserError(msg)
    return [_plan_tariff(path, index, obj) for index, obj in enumerate(listed)]


def _plan_tariff(path: Path, index: int, obj: object) -> Tariff:
    if not isinstance(obj, dict):
        msg = f"{path}, entry {index}: expected an OCPI 2.3.0 Tariff object, found {type(obj).__name__}"
        raise UserError(msg)
    try:
        return parse_tariff(cast("dict[str, object]", obj), "2.3.0")
    except RecordProblem as problem:
        msg = f"{path}, entry {index} ({obj.get('id', 'without id')}): {problem.message}"
        raise UserError(msg) from None


def _read_table(folder: Path, table: Table) -> pl.DataFrame:
    path = folder / f"{table.name}.csv"
    if not path.exists():
        if table.name in _OPTIONAL:
            return table.empty()
        msg = f"{path} is missing: create it with the columns {','.join(table.schema)}"
        raise UserError(msg)
    rows = list(_rows(path, table))
    columns = {name: [row[index] for row in rows] for index, name in enumerate(table.schema)}
    frame = pl.DataFrame(columns, schema=table.schema)
    _check_key(path, table, frame)
    return frame.sort(table.key)


def _rows(path: Path, table: Table) -> Iterator[list[object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        missing = [name for name in table.schema if name not in header]
        unknown = [name for name in header if name not in table.schema]
        if missing or unknown:
            wrong = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
            msg = f"{path}: the header {wrong}; expected the columns {','.join(table.schema)}"
            raise UserError(msg)
        for cells in reader:
            if any(cells):
                yield list(_values(path, table, header, cells, reader.line_num))


def _values(path: Path, table: Table, header: list[str], cells: list[str], line: int) -> Iterator[object]:
    if len(cells) != len(header):
        msg = f"{path}, line {line}: {len(cells)} cells instead of {len(header)}: quote cells that contain a comma"
        raise UserError(msg)
    found = dict(zip(header, cells, strict=True))
    contract = table.contract.to_schema().columns
    for name, dtype in table.schema.items():
        cell = _Cell(path, line, name, found[name].strip())
        value = _value(cell, dtype)
        if value is None and not contract[name].nullable:
            cell.refuse("a value (the column must not be empty)")
        words = next(
            (check.statistics["allowed_values"] for check in contract[name].checks if check.name == "isin"), ()
        )
        if words and value is not None and value not in words:
            cell.refuse(f"one of {', '.join(sorted(map(str, words)))}")
        yield value


def _value(cell: _Cell, dtype: pl.DataType) -> object:
    """Convert a cell by the contract's type, exactly; empty is unknown."""
    if cell.text == "":
        return None
    if dtype == pl.Boolean:
        return _boolean(cell)
    if dtype == pl.Date:
        return _day(cell)
    if dtype == pl.Int64:
        return _whole(cell)
    return _decimal(cell, dtype) if isinstance(dtype, pl.Decimal) else cell.text


def _boolean(cell: _Cell) -> bool:
    if cell.text.lower() not in _BOOLEANS:
        cell.refuse("true or false")
    return _BOOLEANS[cell.text.lower()]


def _whole(cell: _Cell) -> int:
    if not _WHOLE.fullmatch(cell.text):
        cell.refuse("a whole number")
    return int(cell.text)


def _day(cell: _Cell) -> date:
    try:
        return date.fromisoformat(cell.text)
    except ValueError:
        cell.refuse("a date such as 2026-10-01")


def _decimal(cell: _Cell, dtype: pl.Decimal) -> Decimal:
    expected = f"a number with a decimal point and at most {dtype.scale} decimals"
    try:
        number = written_number(cell.text)
    except ValueError:
        cell.refuse(expected)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > dtype.scale:
        cell.refuse(expected)
    if number and number.adjusted() >= dtype.precision - dtype.scale:
        cell.refuse(f"a number below 10^{dtype.precision - dtype.scale}")
    return number or Decimal(0)  # 0e400 is nothing, and still too large for Polars


def _check_key(path: Path, table: Table, frame: pl.DataFrame) -> None:
    repeated = frame.filter(frame.select(table.key).is_duplicated())
    if repeated.height:
        named = ", ".join(f"{name} {value}" for name, value in repeated.select(table.key).row(0, named=True).items())
        msg = f"{path}: {named} stands in more than one line: keep one"
        raise UserError(msg)


def _check_legal_entity(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    entities, path = tables["legal_entities"], folder / "legal_entities.csv"
    if entities.height != 1:
        found = ", ".join(entities["legal_entity_id"]) or "none"
        yield f"{path}: exactly one legal entity is supported, found {found}: keep one line"
    for name, zone in entities.select("legal_entity_id", "time_zone").iter_rows():
        if not is_time_zone(zone):
            yield f"{path}: {name} has time_zone {zone!r}, which is no IANA zone: write one such as Europe/Berlin"


def _check_references(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    for name, column, other in _REFERENCES:
        known = set(tables[other][tables[other].columns[0]])
        for value in tables[name][column].drop_nulls().unique().sort():
            if value not in known:
                yield f"{folder / name}.csv: {column} {value} is not in {other}.csv: add it there or correct it"


def _check_plans(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    path = folder / "plan_tariffs.csv"
    named = set(tables["plan_tariffs"].select("plan_id", "current_type").rows())
    for plan in tables["plans"]["plan_id"]:
        for current in CurrentType:
            if (plan, str(current)) not in named:
                yield f"plan {plan} names no tariff for {current}: add a line {plan},{current},<tariff_id> to {path}"
    known = {tariff.tariff_id for tariff in _plan_tariffs(folder)}
    for plan, current, tariff in tables["plan_tariffs"].iter_rows():
        if tariff not in known:
            missing = f"which is not in {folder / PLAN_TARIFFS}"
            yield f"plan {plan} names tariff {tariff} for {current}, {missing}: add it there"


def _check_words(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    """Check currencies, countries and periods of validity in every table that has them."""
    countries = set(alpha2_by_alpha3().values())
    for name, frame in tables.items():
        path = folder / f"{name}.csv"
        for currency in _values_of(frame, "currency"):
            if not is_known_currency(currency):
                yield f"{path}: currency {currency!r} is no ISO 4217 code such as EUR"
        for country in _values_of(frame, "country"):
            if country not in countries:
                yield f"{path}: country {country!r} is no ISO 3166-1 alpha-2 code such as DE"
        if {"valid_from", "valid_to"} <= set(frame.columns):
            for row in frame.filter(pl.col("valid_to") <= pl.col("valid_from")).iter_rows(named=True):
                first = f"{frame.columns[0]} {row[frame.columns[0]]}"
                period = f"is valid from {row['valid_from']} to {row['valid_to']} (exclusive)"
                yield f"{path}: {first} {period}, which is never: correct one of the two"


def _check_policies(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    """Check that agreements name only rating policies that exist."""
    for cpo_id, choices in tables["agreements"].select("cpo_id", "rating_policy").iter_rows():
        try:
            _ = read_choices(choices or "")
        except PolicyError as error:
            yield f"{folder / 'agreements.csv'}: rating_policy of {cpo_id}: {error}"


def _check_thresholds(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    """Check that agreements name only thresholds that exist, with values that are numbers."""
    for cpo_id, thresholds in tables["agreements"].select("cpo_id", "rule_thresholds").iter_rows():
        try:
            _ = read_thresholds(thresholds or "")
        except ThresholdError as error:
            yield f"{folder / 'agreements.csv'}: rule_thresholds of {cpo_id}: {error}"


def _values_of(frame: pl.DataFrame, column: str) -> Iterable[str]:
    return frame[column].drop_nulls().unique().sort() if column in frame.columns else ()


def _check_home_chargers(folder: Path, tables: dict[str, pl.DataFrame]) -> Iterator[str]:
    priceless = tables["home_chargers"].filter(
        pl.col("basis") == str(ReimbursementBasis.CONTRACT_PRICE), pl.col("contract_price_per_kwh").is_null()
    )
    for evse in priceless["evse_id"]:
        path = folder / "home_chargers.csv"
        yield f"{path}: {evse} is reimbursed by contract_price but has no contract_price_per_kwh: fill it in"
