"""Ways in which peers write objects that OCPI would write otherwise, by name; struck is every object of a module.

A reader that understands them all ends with the same typed rows, but for what each line says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from pipelines.sandbox.wire import Modules, WireObject
from pipelines.sandbox.wire_cdrs import JSON

OBJECT_FAULTS: Final[Mapping[str, str]] = {
    "missing-tz": "locations have no time_zone: time zones are unknown, and local prices open",
    "naive-dates": "DateTimes have no Z: the rows are the same",
    "offset-dates": "DateTimes have an offset of +02:00: the same rows, with notes",
    "microseconds": "DateTimes have six decimals: the rows are the same",
    "text-numbers": "numbers stand in quotation marks: the same rows, with notes",
    "unknown-fields": "objects have fields of their own: the rows are the same",
    "nulls": "absent fields are written as null: the rows are the same",
    "other-case": "parties are written in lower case: the rows are the same",
    "misspelt": "restrictions of tariffs are called restriction: who does not notice prices too dear",
    "bad-object": "each list begins with something that is no object: one more record in quarantine, the same rows",
}

_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_DECODE: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_OFFSET: Final = timedelta(hours=2)

Change = Callable[[Any], Any]


def with_object_faults(modules: Modules, faults: Mapping[str, Sequence[str]]) -> Modules:
    """Give the modules as peers with these faults, by connection, write them."""
    return {
        (connection, module): _struck(objects, module, faults[connection])
        for (connection, module), objects in modules.items()
    }


def _struck(objects: list[WireObject], module: str, faults: Sequence[str]) -> list[WireObject]:
    for name in faults:
        if name in _CHANGES and _strikes(name, module):
            objects = [replace(each, body=JSON.encode(_CHANGES[name](_DECODE(each.body)))) for each in objects]
    return _with_bad_object(objects) if "bad-object" in faults else objects


def _strikes(fault: str, module: str) -> bool:
    """Numbers are spoilt where OCPI has numbers that are read; locations and tariffs where the fault names them."""
    modules = {
        "missing-tz": ("locations",),
        "misspelt": ("tariffs",),
        "text-numbers": ("cdrs", "sessions", "tariffs"),
    }
    return module in modules.get(fault, (module,))


def _with_bad_object(objects: Sequence[WireObject]) -> list[WireObject]:
    first = [WireObject("", each.last_updated, b'"object could not be loaded"') for each in objects[:1]]
    return [*first, *objects]


def _everywhere(change: Change) -> Change:
    """Apply a change to every value that is neither object nor list."""

    def walk(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return {name: walk(inner) for name, inner in value.items()}
        return [walk(inner) for inner in value] if isinstance(value, list) else change(value)

    return walk


def _on_instants(change: Callable[[str], str]) -> Change:
    return _everywhere(lambda value: change(value) if isinstance(value, str) and _INSTANT.fullmatch(value) else value)


def _with_offset(text: str) -> str:
    return f"{datetime.fromisoformat(text) + _OFFSET:%Y-%m-%dT%H:%M:%S}+02:00"


def _as_text(value: object) -> object:
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return str(value) if is_number else value


def _without_zone(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "time_zone"}


def _with_own_fields(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"x_vendor": {"shard": 7, "labels": ["a", "b"]}, "etag": "W/1"}


def _with_nulls(record: dict[str, Any]) -> dict[str, Any]:
    absent = dict.fromkeys(("remark", "meter_id", "group_id", "signed_data", "energy_mix", "min_price", "max_price"))
    return absent | record


def _in_lower_case(record: dict[str, Any]) -> dict[str, Any]:
    owner = {name: record[name].lower() for name in ("country_code", "party_id") if name in record}
    return record | owner


def _misspelt(record: dict[str, Any]) -> dict[str, Any]:
    elements = [
        {"restriction" if name == "restrictions" else name: value for name, value in element.items()}
        for element in record["elements"]
    ]
    return record | {"elements": elements}


_CHANGES: Final[Mapping[str, Change]] = {
    "missing-tz": _without_zone,
    "naive-dates": _on_instants(lambda text: text.removesuffix("Z")),
    "offset-dates": _on_instants(_with_offset),
    "microseconds": _on_instants(lambda text: f"{text[:-1]}.000000Z"),
    "text-numbers": _everywhere(_as_text),
    "unknown-fields": _with_own_fields,
    "nulls": _with_nulls,
    "other-case": _in_lower_case,
    "misspelt": _misspelt,
}
"""by name; `bad-object` changes lists, not objects"""
