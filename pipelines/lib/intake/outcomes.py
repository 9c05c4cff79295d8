"""Deciding over all pulls what became of each record: typed, quarantined or duplicate; and which version is the newest.

* A record that could not be read is quarantined with the rule of its reader.
* The same content again, of the same object, is a duplicate: proven by the SHA-256 of the canonical JSON. Of a CDR the
  landed hash is that of its bytes: only where one CDR came in several spellings are their canonical forms looked up.
  What was refused is no such proof: a record that can be read is never the duplicate of one that could not.
* Of an object that may change, what a connection goes back to without saying that it was updated is typed anew: only
  the order in which it speaks says how things are.
* A CDR that came again in another version of OCPI and says the same wherever both versions say anything is a duplicate
  as well (`same_claim`): the wording is that of the version, and no change of what the peer claims.
* A second body under the key of a CDR is quarantined (`cdr_changed`): CDRs are immutable, so the first one stays.
* Any other version of a mutable object is typed; the newest `last_updated` is what its table shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final

import polars as pl

from models.ocpi.acceptance import FOREIGN_PARTY
from models.types.vocabularies import RecordOutcome

DECIDING: Final = "2"
"""Raise it whenever records are decided about differently: every month is then made again of what is landed."""

RECEIVED_ORDER: Final = ("pull_id", "connection_id", "module", "sequence", "page_position")
"""The order in which records were received; with it every decision here is deterministic."""

OBJECT: Final = ("module", "record_key")
PULL: Final = ("connection_id", "module", "pull_id")
"""What identifies one pull, or one push or file, which are kept alike."""
PLACE: Final = (*PULL, "sequence", "page_position")
"""What identifies one received record."""

CDRS: Final = "cdrs"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_TYPED: Final = str(RecordOutcome.TYPED)
_QUARANTINED: Final = str(RecordOutcome.QUARANTINED)
_DUPLICATE: Final = str(RecordOutcome.DUPLICATE)
SAME_CONTENT: Final = "same_content"
SAME_CLAIM: Final = "same_claim"
CDR_CHANGED: Final = "cdr_changed"


def respelled(records: pl.DataFrame) -> pl.DataFrame:
    """Give the CDRs that came under one key in more than one spelling: each spelling once, in the order received."""
    cdrs = records.filter(
        pl.col("module") == CDRS, pl.col("record_key").is_duplicated(), pl.col("record_key").is_not_null()
    )
    several = cdrs.filter(pl.col("content_sha256").n_unique().over("record_key") > 1)
    return several.unique(["record_key", "content_sha256", "rule"], keep="first", maintain_order=True).select(
        *PLACE, "page_sha256", "content_sha256", "record_key", "ocpi_version", "rule"
    )


def retold(
    spellings: pl.DataFrame, canonical: Mapping[str, str], is_retold: Callable[[int, int], bool]
) -> frozenset[tuple[str, str]]:
    """Find the bodies that only tell a CDR again, in another version of OCPI: by key and canonical hash.

    Such a body agrees with the first, and with every other telling of it that was found so: two bodies in one version
    are the same content or a change.

    Args:
        spellings: what `respelled` gives.
        canonical: the canonical hash of each.
        is_retold: compares two rows of `spellings`, given by their number, that are of one CDR in two versions.
    """
    versions = pl.col("ocpi_version").n_unique().over("record_key")
    readable = spellings.with_row_index("row").filter(pl.col("rule").is_null()).filter(versions > 1)
    found: set[tuple[str, str]] = set()
    told: dict[str, dict[str, tuple[str, int]]] = {}
    bodies = readable.select("record_key", "ocpi_version", "content_sha256", "row")
    for key, version, spelled, row in bodies.iter_rows():
        content, before = canonical[spelled], told.setdefault(key, {})
        if not before:
            before[content] = version, row
        elif content not in before and _agrees(version, row, before.values(), is_retold):
            before[content] = version, row
            found.add((key, content))
    return frozenset(found)


def _agrees(version: str, row: int, told: Iterable[tuple[str, int]], is_retold: Callable[[int, int], bool]) -> bool:
    return all(version != other_version and is_retold(row, other) for other_version, other in told)


def decided(
    records: pl.DataFrame,
    canonical: Mapping[str, str] = _NONE,
    retellings: AbstractSet[tuple[str, str]] = frozenset(),
) -> pl.DataFrame:
    """Add `outcome` to landed records and complete `rule` and `reason`; in the order received.

    Args:
        records: landed records of every pull, in the order received.
        canonical: the canonical hash of each spelling that `respelled` asks for.
        retellings: what `retold` found.
    """
    # Nearly every record is the only one of its object, and no other has a say about it.
    is_alone = pl.col("record_key").is_not_null() & pl.col("record_key").is_unique()
    numbered = records.with_row_index("_place").with_columns(_is_alone=is_alone)
    became = pl.when(pl.col("rule").is_null()).then(pl.lit(_TYPED)).otherwise(pl.lit(_QUARANTINED))
    alone = numbered.filter("_is_alone").drop("_is_alone").with_columns(outcome=became)
    together = _decided_together(numbered.filter(~pl.col("_is_alone")).drop("_is_alone"), canonical, retellings)
    if together.is_empty():
        return alone.drop("_place")
    return pl.concat([alone, together]).sort("_place").drop("_place")


def _decided_together(
    records: pl.DataFrame, canonical: Mapping[str, str], retellings: AbstractSet[tuple[str, str]]
) -> pl.DataFrame:
    """Decide what became of records of which several are of one object, or that do not name theirs."""
    spelled = pl.col("content_sha256")
    ordered = records.with_columns(
        _content=spelled.replace(list(canonical), list(canonical.values())) if canonical else spelled
    )
    with_owner = ordered.with_columns(
        _owner=pl.coalesce("record_key", "connection_id"),
        _is_readable=pl.col("rule").is_null(),
        # Whoever speaks for a party that is not his is told so, though another did the same before.
        _refused=pl.when(pl.col("rule") == FOREIGN_PARTY)
        .then(pl.format("{} {}", "rule", "connection_id"))
        .otherwise(pl.col("rule").fill_null("")),
    )
    marked = with_owner.with_columns(_is_repeated=_is_repeated())
    marked = marked.with_columns(_candidate=(pl.col("_is_readable") & ~pl.col("_is_repeated")).fill_null(value=False))
    firsts = _first_bodies(marked)
    marked = marked.join(firsts, on=list(OBJECT), how="left", maintain_order="left")
    marked = marked.join(_as_frame(retellings), on=["record_key", "_content"], how="left", maintain_order="left")
    is_other = (
        (pl.col("module") == CDRS) & pl.col("_candidate") & (pl.col("_content") != pl.col("_first_content"))
    ).fill_null(value=False)
    is_retold = is_other & pl.col("_is_retelling").fill_null(value=False)
    found = pl.coalesce(
        pl.when("_is_repeated").then(pl.lit(SAME_CONTENT)),
        pl.when(is_retold).then(pl.lit(SAME_CLAIM)),
        pl.when(is_other).then(pl.lit(CDR_CHANGED)),
    )
    became = marked.with_columns(rule=pl.coalesce(found, "rule"), reason=pl.coalesce(_reason(found), "reason"))
    return (
        became.with_columns(outcome=_outcome())
        .with_columns(record_json=pl.when(pl.col("outcome") != _DUPLICATE).then("record_json"))
        .select(*records.columns, "outcome")
    )


def _outcome() -> pl.Expr:
    """Give what a record became, by the rule that was found; a record without one is typed."""
    is_duplicate = pl.col("rule").is_in([SAME_CONTENT, SAME_CLAIM])
    outcome = pl.when(is_duplicate).then(pl.lit(_DUPLICATE)).otherwise(pl.lit(_QUARANTINED))
    return pl.when(pl.col("rule").is_null()).then(pl.lit(_TYPED)).otherwise(outcome)


def _reason(rule: pl.Expr) -> pl.Expr:
    """Say why, where a rule was found here and not by a reader."""
    first = (pl.col("_first_page").str.slice(0, 12), "_first_position")
    changed = "with other content (page {}, position {}): CDRs are immutable, the first body stays"
    retold = "in another version of OCPI (page {}, position {}), and says the same wherever both versions say anything"
    return (
        pl.when(rule == SAME_CONTENT)
        .then(pl.lit("the same content of the same object was received before"))
        .when(rule == SAME_CLAIM)
        .then(pl.format(f"cdr {{}} was received before {retold}", "record_key", *first))
        .when(rule == CDR_CHANGED)
        .then(pl.format(f"cdr {{}} was received before {changed}", "record_key", *first))
    )


def newest(rows: pl.DataFrame, key: str | tuple[str, ...]) -> pl.DataFrame:
    """Keep the newest version of each object: the largest `last_updated_at`, the last received among equals."""
    keys = [key] if isinstance(key, str) else list(key)
    ordered = rows.sort("last_updated_at", *RECEIVED_ORDER, nulls_last=False)
    return ordered.unique(keys, keep="last", maintain_order=True).sort(keys)


def _as_frame(retellings: AbstractSet[tuple[str, str]]) -> pl.DataFrame:
    schema = {"record_key": pl.String, "_content": pl.String}
    return pl.DataFrame(sorted(retellings), schema=schema, orient="row").with_columns(_is_retelling=pl.lit(value=True))


def _is_repeated() -> pl.Expr:
    """Tell whether a record says of its object what was said before.

    Where its own connection said something else since, and left `last_updated` as it was, it goes back: then nothing
    but the order in which it spoke says how things are.
    """
    whose = ("module", "_owner", "_refused")
    said_before = ~pl.struct(*whose, "_content").is_first_distinct()
    may_change = (pl.col("module") != CDRS) & pl.col("record_key").is_not_null() & pl.col("_is_readable")
    content, updated = (pl.col(name) for name in ("_content", "last_updated_at"))
    last_content, last_updated = (each.shift().over(*whose, "connection_id") for each in (content, updated))
    goes_back = may_change & (last_content != content) & last_updated.eq_missing(updated)
    return said_before & ~goes_back.fill_null(value=False)


def _first_bodies(marked: pl.DataFrame) -> pl.DataFrame:
    """Give, per object, the content and place of the first body that could be read."""
    return (
        marked.filter("_candidate", pl.col("record_key").is_not_null())
        .unique(list(OBJECT), keep="first", maintain_order=True)
        .select(
            *OBJECT,
            _first_content="_content",
            _first_page="page_sha256",
            _first_position="page_position",
        )
    )
