"""What a CDR's signed meter values say (OCPI 2.2.1, 10.4.7 SignedData): the register at the start and at the end.

Calibration law makes the meter sign its readings, so they are the one part of a CDR that the operator cannot edit.
Read are OCMF data sets (Open Charge Metering Format); the many formats of single makers stay what they are, present
and unread. Signatures are not verified: that takes the meter's public key from its maker, not from the CDR.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, cast

from models.ocpi.exact_json import decode_json
from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.types.money import VOLUME_SCALE, rounded

_OCMF: Final = "OCMF"
_KWH_EXPONENT: Final = {"kWh": 0, "Wh": -3}
_IMPORT: Final = re.compile(r"(^|:)0*1\.0*8\.0*0(\D|$)")
"""the OBIS id of energy taken from the grid, such as 1-b:1.8.0 or 01-00:01.08.00*FF; 2.8.0 is energy fed back"""
_STARTS: Final = frozenset("B")
_ENDS: Final = frozenset("ELRAP")
"""OCMF transaction marks: end, and ends that were forced locally, remotely, by abort or by a power failure"""
_MOST_KWH: Final = Decimal(10**9)
_MOST_READINGS: Final = 1000
"""of a data set; a meter writes two, or one a quarter of an hour"""
_LONGEST: Final = 64
"""characters of a unit or of an OBIS id; what is longer is neither"""
_MOST_DIGITS: Final = 20
"""of a number in a reading: what has more is no kWh of this world, and no exponent may take a second to write out"""


@dataclass(frozen=True, slots=True)
class MeterReadings:
    """The meter of one session, in kWh; None is unknown."""

    has_signed_values: bool | None
    """None where the version of OCPI has no place for them"""
    start_kwh: Decimal | None = None
    end_kwh: Decimal | None = None


def read_meter(cdr: Fields, version: str) -> MeterReadings:
    """Read the signed values of a CDR; what cannot be read is noted, and never refuses the record."""
    if version == "2.1.1":
        return MeterReadings(has_signed_values=None)
    try:
        signed = cdr.maybe_child("signed_data")
        values = signed.children("signed_values") if signed else ()
        marked = [reading for value in values for reading in _readings(value)]
    except RecordProblem as problem:
        cdr.note(problem.field, "not read as signed values")
        return MeterReadings(has_signed_values=False)
    if values and not marked:
        cdr.note("signed_data", "signed values that are not readable as OCMF")
    starts = [kwh for mark, kwh in marked if mark in _STARTS]
    ends = [kwh for mark, kwh in marked if mark in _ENDS]
    return MeterReadings(bool(values), starts[0] if starts else None, ends[-1] if ends else None)


def _readings(value: Fields) -> Iterator[tuple[str, Decimal]]:
    """Give the readings of one signed value, with the mark of each; the value's nature marks those without one."""
    nature = {"start": "B", "end": "E"}.get((value.maybe_text("nature") or "").lower(), "")
    said: dict[str, object] = {}
    for entry in _entries(value):
        # OCMF leaves out of a reading what stands as in the one before it.
        said |= entry
        kwh = _kwh(said)
        if kwh is not None:
            yield str(said.get("TX") or nature), kwh


def _entries(value: Fields) -> Sequence[Mapping[str, object]]:
    """Give the list `RD` of an OCMF data set, in whichever of the two texts it stands."""
    for text in (value.maybe_text("plain_data"), _decoded(value.maybe_text("signed_data"))):
        document = _document(text or "")
        entries = document.get("RD")
        if isinstance(entries, list):
            listed = cast("list[object]", entries)
            entries = listed[:_MOST_READINGS]
            return [cast("Mapping[str, object]", entry) for entry in entries if isinstance(entry, dict)]
    return ()


def _document(text: str) -> Mapping[str, object]:
    """Give the data of `OCMF|data|signature`, or of the data alone."""
    head, _, rest = text.strip().partition("|")
    data = rest.rpartition("|")[0] or rest if head.strip() == _OCMF else text
    try:
        read = decode_json(data)
    except RecordProblem:
        return {}
    return cast("Mapping[str, object]", read) if isinstance(read, dict) else {}


def _decoded(text: str | None) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode() if text else None
    except (binascii.Error, ValueError):
        return text


def _kwh(entry: Mapping[str, object]) -> Decimal | None:
    """Give a reading of imported energy in kWh, exactly; meters with one register leave its id out."""
    value, unit, obis = entry.get("RV"), entry.get("RU"), entry.get("RI") or "1.8.0"
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not _is_short(unit) or not _is_short(obis):
        return None
    exponent = _KWH_EXPONENT.get(str(unit))
    if exponent is None or _IMPORT.search(str(obis)) is None or entry.get("ST", "G") != "G":
        return None
    number = Decimal(value)
    if len(number.as_tuple().digits) > _MOST_DIGITS or abs(number.adjusted()) > _MOST_DIGITS:
        return None
    kwh = number.scaleb(exponent)
    return kwh if 0 <= kwh < _MOST_KWH and kwh == rounded(kwh, VOLUME_SCALE) else None


def _is_short(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _LONGEST
