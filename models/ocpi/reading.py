"""The way in: OCPI objects of 2.1.1, 2.2.1 and 2.3.0, decoded by `models.ocpi.exact_json`, to canonical values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.cdrs import read_cdr
from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.ocpi.tariffs import read_tariff

VERSIONS: Final = ("2.1.1", "2.2.1", "2.3.0")
"""The versions that are read; `2.2.1-d2` and `2.3.0-ed2` are the texts meant by the second and third."""


def parse_tariff(obj: Mapping[str, object], version: str, *, owner_id: str | None = None) -> Tariff:
    """Read a Tariff object; `owner_id` (DE*LDW) says whose it is where the object does not (2.1.1).

    Raises `RecordProblem` when it cannot be read, or not in full: an unknown restriction changes prices.
    """
    return noted_tariff(obj, version, owner_id=owner_id)[0]


def noted_tariff(
    obj: Mapping[str, object], version: str, *, owner_id: str | None = None
) -> tuple[Tariff, tuple[str, ...]]:
    """Read a Tariff object as `parse_tariff` does, and say what had to be done to understand it."""
    _check_version(version)
    fields = Fields("tariff", obj)
    return read_tariff(fields, owner_id, version), tuple(fields.notes)


def parse_cdr(obj: Mapping[str, object], version: str, *, owner_id: str | None = None) -> Cdr:
    """Read a CDR object with the tariffs it carries; what had to be done to understand it is in its `notes`.

    Raises `RecordProblem` when it cannot be read. Negative volumes are read: credit CDRs and V2G have them.
    """
    _check_version(version)
    return read_cdr(Fields("cdr", obj), version, owner_id)


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        message = f"ocpi_version: expected one of {', '.join(VERSIONS)}, found {version!r}"
        raise RecordProblem(rule="unsupported_version", field="ocpi_version", message=message)
