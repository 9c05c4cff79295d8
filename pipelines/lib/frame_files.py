"""Tables handed to a person as files: CSV, Parquet or JSON by the name's ending, with every decimal exact.

A file appears when it is whole. In CSV, a text that a spreadsheet would take for a formula gets an apostrophe before
it: ids and names come from other parties, and `=HYPERLINK(...)` is a legal one.

CSV and Parquet hold one table a file: the first one under the name given, each further one beside it, as
`quote.components.csv` beside `quote.csv`. JSON holds all of them in one object.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
import polars.selectors as cs

from pipelines.lib.errors import UserError

_SUFFIXES: Final = (".csv", ".parquet", ".json")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_FORMULA_START: Final = r"^[=+\-@\t\r]"


def check_output(path: Path | None) -> None:
    """Refuse, before any work is done, a file that could not be written at its end.

    Raises:
        UserError: when the ending is not known, or the folder does not exist.
    """
    if path is None:
        return
    if path.suffix.lower() not in _SUFFIXES:
        msg = f"output {path}: a file ends in {', '.join(_SUFFIXES)}"
        raise UserError(msg)
    if not path.parent.is_dir():
        msg = f"output {path}: folder {path.parent} does not exist: create it"
        raise UserError(msg)


def write_frames(path: Path, frames: Mapping[str, pl.DataFrame]) -> list[Path]:
    """Write CSV or Parquet; give the files. The first frame has the name itself, the others their own in it."""
    written = [path, *(path.with_suffix(f".{name}{path.suffix}") for name in list(frames)[1:])]
    for file, frame in zip(written, frames.values(), strict=True):
        _write(file, _parquet(frame) if path.suffix.lower() == ".parquet" else _csv(frame))
    return written


def without_formula(text: str) -> str:
    """Mark a text that a spreadsheet would compute as text (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_json(path: Path, content: Mapping[str, object]) -> list[Path]:
    """Write one JSON object; frames in it become lists of objects. Decimals are text, so that no reader rounds them."""
    text = json.dumps(dict(content), default=_plain, ensure_ascii=False, indent=1)
    _write(path, f"{text}\n".encode())
    return [path]


def is_json(path: Path) -> bool:
    """Tell whether a file is to be JSON."""
    return path.suffix.lower() == ".json"


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.part")
    try:
        _ = beside.write_bytes(content)
        _ = beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        msg = f"output {path} cannot be written: {error.strerror}"
        raise UserError(msg) from None


def _csv(frame: pl.DataFrame) -> bytes:
    is_formula = cs.string().str.contains(_FORMULA_START)
    marked = pl.when(is_formula).then(pl.lit("'") + cs.string()).otherwise(cs.string()).name.keep()
    return frame.with_columns(marked).write_csv().encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _plain(value: object) -> object:
    """Write what JSON has no word for."""
    if isinstance(value, pl.DataFrame):
        return value.to_dicts()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    msg = f"{type(value).__name__} has no form in JSON"
    raise TypeError(msg)
