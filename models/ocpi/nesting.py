"""How deep JSON may nest: one bound, held by looking at bytes, before anything that recurses sees them.

OCPI nests some ten levels. A decoder refuses what nests deeper than the stack that is left to it: without a bound of
our own the same bytes would be read in one place and refused in another, and the neighbours of a record would pay.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec
import numpy as np

from models.ocpi.problems import RecordProblem

DEEPEST: Final = 32
"""levels of one record: objects and lists inside one another"""

_NOT_STRUCTURE: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_ESCAPED: Final = re.compile(rb'\\["\\]')
_QUOTE: Final = ord('"')
_STEPS: Final = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
_BLOCK: Final = 1 << 20
"""bytes that are looked at together: the arrays behind them are several times as large"""
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_T = TypeVar("_T")


def is_deeper(content: bytes, most: int = DEEPEST) -> bool:
    """Tell whether JSON nests deeper than `most` levels, whatever stands in its strings; never by recursion."""
    if content.count(b"[") + content.count(b"{") <= most:
        return False
    # Of strings without brackets nothing is left but quotes in pairs, and those go too: a hundredth remains.
    structure = _without_escapes(content).translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return any(edges.size for edges in _edges(structure, most))


def hold_to_depth(content: bytes, most: int = DEEPEST) -> None:
    """Raise `RecordProblem` (`not_json`) where JSON nests deeper than `most` levels."""
    if is_deeper(content, most):
        begin = content[:60].decode("utf-8", errors="replace")
        message = f"expected at most {most} levels of objects and lists, found more; it begins with {begin!r}"
        raise RecordProblem(rule="not_json", field="", message=message)


def shallow(content: bytes, most: int = DEEPEST) -> bytes:
    """Give JSON in which a short list stands for each value that nests deeper than `most` levels."""
    return _hollowed(content, most)[0] if is_deeper(content, most) else content


def decoded_whole(decode: Callable[[bytes], _T], content: bytes, most: int) -> tuple[_T, Callable[[bytes], bytes]]:
    """Decode JSON of which some value may nest deeper than `most` levels, and need not even be JSON there.

    Where decoding fails and something does nest deeper, it is done again on what is `shallow`. So what is well-formed
    is decoded alike, however much stack is left; and only what cannot be decoded pays for a look at its brackets.

    Returns:
        What was decoded; and a function that turns bytes cut out of it into those that were sent.

    Raises:
        MsgspecError, UnicodeDecodeError, RecursionError: as the decoder does.
    """
    try:
        return decode(content), bytes
    except _UNREADABLE:
        if not is_deeper(content, most):
            raise
    hollow, as_sent = _hollowed(content, most)
    return decode(hollow), as_sent


def _hollowed(content: bytes, most: int) -> tuple[bytes, Callable[[bytes], bytes]]:
    """Put a short list in the place of each value that is too deep; give what undoes it.

    A value that never ends stays: then the whole is no JSON, and its decoder says so.
    """
    edges = np.concatenate(list(_edges(_without_escapes(content), most))).tolist()
    name = hashlib.sha256(content).hexdigest()  # nobody can write the hash of a text into that text
    parts, taken, behind = list[bytes](), list[bytes](), 0
    for begin, last in zip(edges[::2], edges[1::2], strict=False):
        parts += content[behind:begin], f'["{name}-{len(taken)}"]'.encode()
        taken.append(content[begin : last + 1])
        behind = last + 1
    mark = re.compile(rf'\["{name}-(\d+)"\]'.encode())

    def as_sent(part: bytes) -> bytes:
        return mark.sub(lambda found: taken[int(found[1])], bytes(part))

    return b"".join([*parts, content[behind:]]), as_sent


def _without_escapes(content: bytes) -> bytes:
    """Take the quotes out that end no string; every other byte keeps its place."""
    return _ESCAPED.sub(b"__", content) if b"\\" in content else content


def _edges(content: bytes, most: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Give, block by block, the places where brackets outside of strings open level `most` + 1, and close it again."""
    depth = quotes = 0
    for start in range(0, len(content), _BLOCK):
        block = np.frombuffer(content[start : start + _BLOCK], dtype=np.uint8)
        counted = quotes + np.cumsum(block == _QUOTE)
        step = np.where(counted % 2 == 0, _STEPS[block], 0)
        depths = depth + np.cumsum(step, dtype=np.int64)
        yield start + np.flatnonzero(((step == 1) & (depths == most + 1)) | ((step == -1) & (depths == most)))
        depth, quotes = int(depths[-1]), int(counted[-1])
