"""CSV files under the canonical names: their rows become OCPI 2.2.1 objects, which the usual readers then read.

Columns are named like those of the typed tables (`models/schemas/typed.py`); README, Files, lists them. An object may
take several rows that follow each other: a CDR one per charging period (`period_*`), a location one per connector, a
tariff one per price component. Conversion never fails on a cell: what is no number stays the text that it is, and the
reader says so; so nothing is lost, and a formula is data like anything else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import msgspec

from pipelines.lib.intake.files.report import shown

DELIMITERS: Final = ",;\t"
_LONGEST_CELL: Final = 1 << 20
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
"""of exponents only those with which a number can still be written out"""
_COMMA: Final = re.compile(r"-?[0-9]+,[0-9]+")
_THOUSAND: Final = 3
"""digits behind a comma that could also separate thousands"""
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}
_LIST_SEPARATOR: Final = re.compile(r"[|\s]+")
_LONGEST_ROW: Final = 16 << 20
"""characters of a row, over all its lines"""
_MOST_ROWS: Final = 50_000
"""of one object, whose cells together are no longer than `_LONGEST_ROW`: so much is held in memory at a time"""
_MOST_NAMED: Final = 5
_LONGEST_NAME: Final = 40
"""of unknown columns, in a message: a file that is no CSV has one as long as itself"""

Cells = Mapping[str, str]
_Object = dict[str, Any]


class CsvProblem(Exception):  # noqa: N818 - it is a finding about a file, not a defect
    """A file that is no CSV of its module; the text says what to do."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """One object made of one or more rows."""

    line: int
    content: bytes
    complaint: str | None


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: dict[str, str]
    complaint: str | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """How the rows of a module become objects."""

    key: tuple[str, ...]
    """columns that must be there, and that rows of one object share"""
    columns: Mapping[str, str]
    """per column, the place in the object: a dotted path, with `#` for a number, `?` for a flag and `[]` for a list"""
    parts: frozenset[str] = frozenset()
    """columns that differ between the rows of one object"""
    gather: Callable[[_Object, Sequence[Cells], list[str]], None] = lambda _object, _rows, _notes: None


def csv_records(lines: io.TextIOBase, module: str, notes: list[str], skipped: int = 0) -> Iterator[CsvRecord]:
    """Convert a CSV file, behind lines that were skipped; raise `CsvProblem` where its header does not fit its module.

    The same is raised for a cell, a row or an object too long to be one.
    """
    form = FORMS.get(module)
    if form is None:
        msg = f"CSV of {module} is not read: send NDJSON (CSV is read for {', '.join(sorted(FORMS))})"
        raise CsvProblem(msg)
    rows = _rows(_RowLines(lines), skipped, form, notes)
    for _, group in groupby(rows, key=lambda row: row.line if row.complaint else _key(row, form)):
        yield _record(_held(group), form, notes)


@dataclass
class _RowLines:
    """The lines of a file, held to the length that one row may have: a quote that is never closed takes them all."""

    file: io.TextIOBase
    taken: int = 0
    """characters since the last row ended"""

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(_LONGEST_ROW)
        self.taken += len(line)
        if self.taken >= _LONGEST_ROW:
            msg = f"row longer than {_LONGEST_ROW >> 20} MiB"
            raise csv.Error(msg)
        if not line:
            raise StopIteration
        return line


def _held(group: Iterable[_Row]) -> list[_Row]:
    """Hold the rows of one object, if they are not more than any object has."""
    rows: list[_Row] = []
    size = 0
    for row in group:
        rows.append(row)
        size += sum(map(len, row.cells.values()))
        if len(rows) > _MOST_ROWS or size > _LONGEST_ROW:
            msg = f"line {row.line}: more rows of one object than it may have: write objects with keys of their own"
            raise CsvProblem(msg)
    return rows


def _rows(lines: _RowLines, skipped: int, form: _Form, notes: list[str]) -> Iterator[_Row]:
    csv.field_size_limit(_LONGEST_CELL)
    line = skipped + 1
    try:
        delimiter, header = _header(next(lines, ""), form)
        if delimiter != ",":
            notes.append(f"columns separated by {'tab' if delimiter == chr(9) else delimiter}")
        reader, line = csv.reader(lines, delimiter=delimiter), skipped + 2
        for cells in reader:
            lines.taken = 0
            if any(cell.strip() for cell in cells):
                found = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
                wrong = f"{len(cells)} cells instead of {len(header)}" if len(cells) != len(header) else None
                yield _Row(line, found, wrong)
            line = skipped + reader.line_num + 2
    except csv.Error as error:
        msg = f"line {line}: {error}: write a plain CSV with quotes around cells that hold a separator"
        raise CsvProblem(msg) from None


def _header(line: str, form: _Form) -> tuple[str, list[str]]:
    """Find the separator under which all column names are known."""
    tried = {
        each: [name.strip().lower() for name in next(csv.reader([line], delimiter=each), [])] for each in DELIMITERS
    }
    known = form.columns.keys() | form.parts | set(form.key)
    for delimiter, names in tried.items():
        if set(names) <= known and set(form.key) <= set(names) and len(set(names)) == len(names):
            return delimiter, names
    names = max(tried.values(), key=len)
    unknown = sorted(set(names) - known)
    missing = sorted(set(form.key) - set(names))
    wrong = f"unknown column {_some(unknown)}" if unknown else f"missing column {', '.join(missing)}"
    if not unknown and not missing:
        wrong = "a column named twice"
    msg = f"the header has {wrong}; known are {', '.join(sorted(known))}"
    raise CsvProblem(msg)


def _some(names: Sequence[str]) -> str:
    """Name a few columns, in one line whatever they are called."""
    named = [shown(name[:_LONGEST_NAME]) + "…" * (len(name) > _LONGEST_NAME) for name in names[:_MOST_NAMED]]
    return ", ".join(named) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")


def _key(row: _Row, form: _Form) -> tuple[str, ...]:
    return tuple(row.cells.get(name, "").upper() for name in form.key)


def _record(rows: list[_Row], form: _Form, notes: list[str]) -> CsvRecord:
    first = rows[0]
    if first.complaint:
        content = msgspec.json.encode({"csv_line": first.line, **first.cells})
        return CsvRecord(first.line, content, first.complaint)
    made: _Object = {}
    for column, place in form.columns.items():
        if cell := first.cells.get(column, ""):
            _put(made, place, _value(cell, place, notes))
    form.gather(made, [row.cells for row in rows], notes)
    return CsvRecord(first.line, msgspec.json.encode(made), _disagreement(rows, form))


def _disagreement(rows: list[_Row], form: _Form) -> str | None:
    """Find rows of one object that say different things about it."""
    for row in rows[1:]:
        for column in form.columns:
            if row.cells.get(column, "") not in {"", rows[0].cells.get(column, "")}:
                return f"line {row.line} has another {column} than line {rows[0].line} of the same object"
    return None


def _put(made: _Object, place: str, value: object) -> None:
    *above, name = place.rstrip("#?[]*").split(".")
    for step in above:
        made = made.setdefault(step, {})
    if place.endswith("*"):
        country, _, party = str(value).replace("-", "*").partition("*")
        made |= {"country_code": country, "party_id": party}
    else:
        made[name] = value


def _value(cell: str, place: str, notes: list[str]) -> object:
    if place.endswith("#"):
        return number(cell, notes)
    if place.endswith("?"):
        return _FLAGS.get(cell.lower(), cell)
    return _LIST_SEPARATOR.split(cell) if place.endswith("[]") else cell


def number(cell: str, notes: list[str]) -> msgspec.Raw | str:
    """Give a number in its own digits; one with a decimal comma where it can be nothing else; else the text."""
    if _NUMBER.fullmatch(cell):
        return msgspec.Raw(f"{Decimal(cell):f}".encode())
    if _COMMA.fullmatch(cell) and len(cell.partition(",")[2]) != _THOUSAND:
        if "decimal comma read as a point" not in notes:
            notes.append("decimal comma read as a point")
        return msgspec.Raw(f"{Decimal(cell.replace(',', '.')):f}".encode())
    return cell


def _periods(cdr: _Object, rows: Sequence[Cells], notes: list[str]) -> None:
    """Give a CDR its charging periods: one a row, or one made of its totals where no row says any."""
    cdr["charging_periods"] = [_period(row, notes) for row in rows if row.get("period_started_at")]
    if not cdr["charging_periods"]:
        first = rows[0]
        whole = {
            "period_started_at": first.get("started_at", ""),
            "period_energy_kwh": first.get("total_energy_kwh", ""),
            "period_charging_hours": _charging_hours(first),
            "period_parking_hours": first.get("total_parking_hours", ""),
        }
        cdr["charging_periods"] = [_period(whole, notes)]
    cdr.setdefault("cdr_location", {})


def _charging_hours(row: Cells) -> str:
    """Give the hours of charging: in OCPI the total time has those of parking in it."""
    total, parking = (number(row.get(name, ""), []) for name in ("total_hours", "total_parking_hours"))
    if isinstance(total, str):
        return row.get("total_hours", "")
    parked = Decimal(0) if isinstance(parking, str) else Decimal(bytes(parking).decode())
    return f"{Decimal(bytes(total).decode()) - parked:f}"


def _period(row: Cells, notes: list[str]) -> _Object:
    volumes = {
        "ENERGY": row.get("period_energy_kwh"),
        "TIME": row.get("period_charging_hours"),
        "PARKING_TIME": row.get("period_parking_hours"),
        "RESERVATION_TIME": row.get("period_reservation_hours"),
    }
    found: _Object = {
        "start_date_time": row.get("period_started_at"),
        "dimensions": [{"type": name, "volume": number(cell, notes)} for name, cell in volumes.items() if cell],
    }
    return found | ({"tariff_id": row["period_tariff_id"]} if row.get("period_tariff_id") else {})


def _evses(location: _Object, rows: Sequence[Cells], notes: list[str]) -> None:
    """Give a location its EVSEs and connectors, one connector a row."""
    evses: dict[str, _Object] = {}
    for row in rows:
        uid = row.get("evse_uid", "")
        evse = evses.setdefault(uid, {"uid": uid, "evse_id": row.get("evse_id") or None, "connectors": []})
        connector: _Object = {"id": row.get("connector_id", ""), "power_type": row.get("power_type") or None}
        if row.get("max_power_kw"):
            connector["max_electric_power"] = _watts(number(row["max_power_kw"], notes))
        if row.get("tariff_ids"):
            connector["tariff_ids"] = _LIST_SEPARATOR.split(row["tariff_ids"])
        evse["connectors"].append({name: value for name, value in connector.items() if value is not None})
    location["evses"] = list(evses.values())


def _watts(kilowatts: msgspec.Raw | str) -> msgspec.Raw | str:
    """Give kilowatts in OCPI's unit; what is no number stays the text that it is, for the reader to refuse."""
    if isinstance(kilowatts, str):
        return kilowatts
    return msgspec.Raw(f"{(Decimal(bytes(kilowatts).decode()) * 1000).normalize():f}".encode())


_RESTRICTIONS: Final = {
    **{name: name for name in ("start_time", "end_time", "start_date", "end_date", "reservation")},
    **{f"{bound}_kwh": f"{bound}_kwh#" for bound in ("min", "max")},
    **{f"{bound}_current_a": f"{bound}_current#" for bound in ("min", "max")},
    **{f"{bound}_power_kw": f"{bound}_power#" for bound in ("min", "max")},
    **{f"{bound}_duration_seconds": f"{bound}_duration#" for bound in ("min", "max")},
    "days_of_week": "day_of_week[]",
}
_COMPONENT: Final = {"dimension": "type", "unit_price": "price#", "vat_rate_pct": "vat#", "step_size": "step_size#"}


def _elements(tariff: _Object, rows: Sequence[Cells], notes: list[str]) -> None:
    """Give a tariff its elements: components of one `element_index` follow each other and share their restrictions."""
    tariff["elements"] = []
    for _, group in groupby(rows, key=lambda row: row.get("element_index", "")):
        components = list(group)
        element: _Object = {"price_components": [_made(row, _COMPONENT, notes) for row in components]}
        restrictions = _made(components[0], _RESTRICTIONS, notes)
        tariff["elements"].append(element | ({"restrictions": restrictions} if restrictions else {}))


def _made(row: Cells, columns: Mapping[str, str], notes: list[str]) -> _Object:
    made: _Object = {}
    for column, place in columns.items():
        if cell := row.get(column, ""):
            _put(made, place, _value(cell, place, notes))
    return made


_TOKEN: Final = {name: f"cdr_token.{field}" for name, field in (("token_uid", "uid"), ("token_type", "type"))} | {
    "contract_id": "cdr_token.contract_id"
}
_PRICES: Final = {
    f"{column}_{side}_vat": f"{field}.{side}_vat#"
    for column, field in (
        ("total_cost", "total_cost"),
        ("energy_cost", "total_energy_cost"),
        ("time_cost", "total_time_cost"),
        ("parking_cost", "total_parking_cost"),
        ("fixed_cost", "total_fixed_cost"),
        ("reservation_cost", "total_reservation_cost"),
    )
    for side in ("excl", "incl")
}
_SAME: Final = ("authorization_reference", "auth_method", "currency")
_TIMES: Final = {
    "started_at": "start_date_time",
    "ended_at": "end_date_time",
    "last_updated_at": "last_updated",
}
_CDR_LOCATION: Final = {
    "location_id": "cdr_location.id",
    "location_name": "cdr_location.name",
    "location_city": "cdr_location.city",
    "country_alpha3": "cdr_location.country",
    "evse_uid": "cdr_location.evse_uid",
    "evse_id": "cdr_location.evse_id",
    "connector_id": "cdr_location.connector_id",
    "connector_power_type": "cdr_location.connector_power_type",
}

_PERIOD: Final = frozenset(
    {
        *("period_started_at", "period_tariff_id", "period_energy_kwh"),
        *("period_charging_hours", "period_parking_hours", "period_reservation_hours"),
    }
)

FORMS: Final[Mapping[str, _Form]] = {
    "cdrs": _Form(
        key=("cpo_id", "cdr_id"),
        columns={"cpo_id": "*", "cdr_id": "id", "session_id": "session_id"}
        | {name: name for name in _SAME}
        | _TIMES
        | _TOKEN
        | _CDR_LOCATION
        | _PRICES
        | {
            "total_energy_kwh": "total_energy#",
            "total_hours": "total_time#",
            "total_parking_hours": "total_parking_time#",
            "is_credit": "credit?",
            "credit_reference_id": "credit_reference_id",
            "is_home_charging": "home_charging_compensation?",
        },
        parts=frozenset(
            f"period_{name}"
            for name in (
                "started_at",
                "energy_kwh",
                "charging_hours",
                "parking_hours",
                "reservation_hours",
                "tariff_id",
            )
        ),
        gather=_periods,
    ),
    "sessions": _Form(
        key=("cpo_id", "session_id"),
        columns={"cpo_id": "*", "session_id": "id", "energy_kwh": "kwh#", "status": "status"}
        | {name: name for name in (*_SAME, "location_id", "evse_uid", "connector_id")}
        | _TIMES
        | _TOKEN,
    ),
    "authorizations": _Form(
        key=("authorization_id",),
        columns={"cpo_id": "*", "result": "allowed", "authorized_at": "timestamp", "last_updated_at": "last_updated"}
        | {
            name: name
            for name in (
                *("authorization_id", "authorization_reference", "token_uid", "token_type", "contract_id"),
                *("location_id", "evse_uid"),
            )
        },
    ),
    "tokens": _Form(
        key=("token_uid", "token_type"),
        columns={
            "token_uid": "uid",
            "token_type": "type",
            "is_valid": "valid?",
            "last_updated_at": "last_updated",
        }
        | {name: name for name in ("contract_id", "issuer", "group_id", "whitelist")},
    ),
    "locations": _Form(
        key=("cpo_id", "location_id"),
        columns={
            "cpo_id": "*",
            "location_id": "id",
            "location_name": "name",
            "latitude": "coordinates.latitude",
            "longitude": "coordinates.longitude",
            "last_updated_at": "last_updated",
        }
        | {name: name for name in ("address", "city", "postal_code", "country", "time_zone")},
        parts=frozenset(
            {"evse_uid", "evse_id", "connector_id", "power_type", "max_power_kw", "tariff_ids"},
        ),
        gather=_evses,
    ),
    "tariffs": _Form(
        key=("owner_id", "tariff_id"),
        columns={
            "owner_id": "*",
            "tariff_id": "id",
            "currency": "currency",
            "tariff_type": "type",
            "min_price_excl_vat": "min_price.excl_vat#",
            "min_price_incl_vat": "min_price.incl_vat#",
            "max_price_excl_vat": "max_price.excl_vat#",
            "max_price_incl_vat": "max_price.incl_vat#",
            "valid_from": "start_date_time",
            "valid_to": "end_date_time",
            "last_updated_at": "last_updated",
        },
        parts=frozenset({"element_index", *_COMPONENT, *_RESTRICTIONS}),
        gather=_elements,
    ),
}
"""per module: its columns, and how they become an OCPI 2.2.1 object"""
