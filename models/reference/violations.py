"""Breaches of the protocol as evidence: one row each, with the places of both bodies where there are two.

Every function takes the landed records as they were decided upon, in the order received, or typed tables, and gives
rows of `typed/protocol_violations` without their id; `violations` puts them together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from models.schemas.registry import Layer, table
from models.types.intake_codes import ViolationCode

_TABLE: Final = table(Layer.TYPED, "protocol_violations")
_OBJECT: Final = ("connection_id", "module", "record_key")
_ID_DIGITS: Final = 16
_OF_A_BODY: Final = ("pull_id", "ocpi_version", "_order")
_PLACE: Final = ("connection_id", "module", "pull_id", "page_sha256", "page_position")
_PLACES: Final = ("connection_id", "content_sha256", "page_sha256", "page_position")


def violations(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Give `typed/protocol_violations`: what was found, each breach once, by its id."""
    parts = [_complete(frame) for frame in found]
    every = pl.concat([_TABLE.empty().drop("violation_id"), *parts])
    named = every.with_columns(
        violation_id=pl.concat_str(
            *(pl.col(name).cast(pl.String).fill_null("-") for name in every.columns if name not in _NOT_IN_ID),
            "path",  # last, and nothing where a breach has none: such breaches keep the ids that they always had
            separator="|",
            ignore_nulls=True,
        ).map_elements(_digest, return_dtype=pl.String)
    )
    return named.unique("violation_id", keep="first", maintain_order=True).select(list(_TABLE.schema)).sort(_TABLE.key)


_NOT_IN_ID: Final = frozenset({"path", "sentence", "received_at"})


def changed_cdrs(records: pl.DataFrame) -> pl.DataFrame:
    """Find CDRs whose content differs from the first readable body under their id, within a pull or later.

    What cannot be read was never accepted, and we ask for another: the body that follows corrects it and changes
    nothing. Bodies in two versions of OCPI differ in their words: such a one is a breach only where it was decided upon
    as one.
    """
    named = records.filter(pl.col("module") == "cdrs", pl.col("record_key").is_not_null(), pl.col("page_position") >= 0)
    cdrs = named.with_row_index("_order")
    readable = cdrs.filter(pl.col("rule").is_null())
    first = _as_other(readable.unique("record_key", keep="first", maintain_order=True), "record_key", also=_OF_A_BODY)
    differing = _distinct(cdrs).join(first, on="record_key", how="inner", validate="m:1")
    is_comparable = (pl.col("ocpi_version") == pl.col("other_ocpi_version")) | pl.col("rule").eq_missing(
        pl.lit(str(ViolationCode.CDR_CHANGED))
    )
    differing = differing.filter(
        pl.col("_order") > pl.col("other__order"),
        pl.col("content_sha256") != pl.col("other_content_sha256"),
        is_comparable,
    )
    same_pull = (pl.col("pull_id") == pl.col("other_pull_id")) & (
        pl.col("connection_id") == pl.col("other_connection_id")
    )
    return differing.with_columns(
        code=pl.when(same_pull)
        .then(pl.lit(str(ViolationCode.SECOND_BODY)))
        .otherwise(pl.lit(str(ViolationCode.CDR_CHANGED))),
        sentence=pl.format(
            "cdr {} has two bodies: CDRs are immutable, the first stays and both are kept", "record_key"
        ),
    )


def repeated_ids(listed: pl.DataFrame) -> pl.DataFrame:
    """Find objects that one page lists more than once with different content.

    Args:
        listed: records of pulled pages. A list shows each object as it is; pushes and files tell how it became so.
    """
    page = [*_OBJECT, "pull_id", "page_sha256"]
    named = listed.filter(pl.col("record_key").is_not_null(), pl.col("page_position") >= 0)
    first = named.unique(page, keep="first", maintain_order=True)
    again = named.join(_as_other(first, *page), on=page, how="inner", validate="m:1")
    return again.filter(pl.col("content_sha256") != pl.col("other_content_sha256")).with_columns(
        _code(ViolationCode.REPEATED_ID_IN_PAGE),
        other_page_sha256="page_sha256",
        sentence=pl.format("{} {} stands on one page twice with different content", "module", "record_key"),
    )


def backward_updates(records: pl.DataFrame) -> pl.DataFrame:
    """Find objects that came again, changed, with an earlier `last_updated` than before; CDRs cannot change at all."""
    named = records.filter(
        pl.col("module") != "cdrs", pl.col("record_key").is_not_null(), pl.col("last_updated_at").is_not_null()
    )
    told = named.sort("received_at", maintain_order=True)
    latest = pl.col("last_updated_at").cum_max().shift(1).over(_OBJECT)
    before = [
        pl.col(name).shift(1).over(_OBJECT).alias(f"other_{name}")
        for name in ("connection_id", "content_sha256", "page_sha256", "page_position")
    ]
    back = told.with_columns(*before, _latest=latest).filter(
        pl.col("last_updated_at") < pl.col("_latest"), pl.col("content_sha256") != pl.col("other_content_sha256")
    )
    return back.with_columns(
        _code(ViolationCode.LAST_UPDATED_BACKWARDS),
        sentence=pl.format(
            "{} {} came changed with last_updated {}, after {} was known",
            "module",
            "record_key",
            _shown("last_updated_at"),
            _shown("_latest"),
        ),
    )


def long_ids(records: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Find ids that are longer than their version allows, one breach for each record and path; they are kept as sent.

    Args:
        records: landed records.
        found: one row per place and `path` of an id that is too long, with its `length` and what is `allowed`.
    """
    told = _distinct(records).drop("ocpi_version")
    return found.join(told, on=_PLACE, how="inner", validate="m:1").with_columns(
        _code(ViolationCode.ID_TOO_LONG),
        sentence=pl.format(
            "{} {} has {} characters, OCPI {} allows {}", "module", "path", "length", "ocpi_version", "allowed"
        ),
    )


def baseless_credits(cdrs: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Find credit CDRs without a typed original, and second credits for one.

    Args:
        cdrs: all of `typed/cdrs`.
        records: an original that could not be read is among them alone, and the credit says so with its place.
    """
    credits_ = _as_records(cdrs.filter("is_credit")).with_columns(
        _original=pl.format("{}*{}", "cpo_id", pl.col("credit_reference_id")).str.to_uppercase()
    )
    originals = cdrs.filter(~pl.col("is_credit")).select(pl.col("cdr_key").alias("_original"))
    without = credits_.join(originals, on="_original", how="anti")
    without = without.join(_unreadable_cdrs(records), on="_original", how="left", validate="m:1").with_columns(
        _code(ViolationCode.CREDIT_WITHOUT_ORIGINAL),
        sentence=pl.format(
            "credit {} refers to CDR {}, which {}",
            "record_key",
            pl.col("credit_reference_id").fill_null("(none)"),
            pl.when(pl.col("_original").is_in(credits_["cdr_key"].implode()))
            .then(pl.lit("is a credit itself"))
            .otherwise(pl.format("is quarantined ({})", "other_rule").fill_null("was never received")),
        ),
    )
    ordered = credits_.filter(pl.col("_original").is_not_null()).sort("received_at", "page_position", "record_key")
    first = _as_other(ordered.unique("_original", keep="first", maintain_order=True), "_original", also=("record_key",))
    double = ordered.join(first, on="_original", how="inner", validate="m:1").filter(
        pl.col("record_key") != pl.col("other_record_key")
    )
    twice = double.with_columns(
        _code(ViolationCode.DOUBLE_CREDIT),
        sentence=pl.format("credit {} takes {} back a second time", "record_key", "_original"),
    )
    return pl.concat([_complete(without), _complete(twice)])


def _unreadable_cdrs(records: pl.DataFrame) -> pl.DataFrame:
    """Give the newest body of each CDR of which one could not be read, as the other body of a breach."""
    unreadable = records.filter(
        pl.col("module") == "cdrs", pl.col("record_key").is_not_null(), pl.col("rule").is_not_null()
    )
    newest = unreadable.with_columns(_original="record_key").unique("_original", keep="last", maintain_order=True)
    return _as_other(newest, "_original", also=("rule",))


def reopened_sessions(cdrs: pl.DataFrame, sessions: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Find sessions that are reported as going on, with a `last_updated` later than that of the CDR about them."""
    open_ = sessions.filter(pl.col("status").is_in(["ACTIVE", "PENDING"])).select(
        record_key="session_key", status="status", last_updated_at="last_updated_at"
    )
    billed = _as_records(cdrs.filter(pl.col("session_id").is_not_null(), ~pl.col("is_credit"))).with_columns(
        record_key=pl.format("{}*{}", "cpo_id", "session_id").str.to_uppercase(), _changed="last_updated_at"
    )
    first = _as_other(billed.unique("record_key", keep="first"), "record_key", also=("_changed",))
    newest = records.filter(pl.col("module") == "sessions").unique(
        ["record_key", "last_updated_at"], keep="last", maintain_order=True
    )
    reopened = open_.join(first, on="record_key", how="inner").filter(
        pl.col("last_updated_at") > pl.col("other__changed")
    )
    return reopened.join(newest, on=["record_key", "last_updated_at"], how="inner").with_columns(
        _code(ViolationCode.SESSION_REOPENED),
        sentence=pl.format("session {} is {} again after its CDR was written", "record_key", "status"),
    )


def deleted_tariffs(deletions: pl.DataFrame, connectors: pl.DataFrame) -> pl.DataFrame:
    """Find tariffs that are deleted by now and that a connector still names.

    Args:
        deletions: rows of `typed/tariff_history` that are believed still and have no version.
        connectors: `typed/connectors`.
    """
    named = connectors.explode("tariff_ids", empty_as_null=False).select(
        "connector_key", record_key=pl.format("{}*{}", "cpo_id", "tariff_ids").str.to_uppercase()
    )
    users = named.group_by("record_key").agg(pl.col("connector_key").min(), pl.len().alias("_connectors"))
    return deletions.join(users, left_on="tariff_key", right_on="record_key", how="inner").select(
        "connection_id",
        _code(ViolationCode.TARIFF_DELETED_WHILE_REFERENCED),
        module=pl.lit("tariffs"),
        record_key="tariff_key",
        received_at="known_from",
        sentence=pl.format(
            "tariff {} was deleted while {} connectors name it, such as {}",
            "tariff_key",
            "_connectors",
            "connector_key",
        ),
    )


def foreign_parties(records: pl.DataFrame) -> pl.DataFrame:
    """Find objects of parties for which their connection was not declared."""
    foreign = _distinct(records.filter(pl.col("rule") == str(ViolationCode.FOREIGN_PARTY)))
    return foreign.with_columns(_code(ViolationCode.FOREIGN_PARTY), sentence="reason")


def misspelt_fields(unknown: pl.DataFrame) -> pl.DataFrame:
    """Find unknown fields one edit away from a known one; `unknown` is `typed/unknown_fields`, one row per field."""
    return unknown.filter(pl.col("meant").is_not_null()).select(
        "connection_id",
        "module",
        _code(ViolationCode.MISSPELT_FIELD),
        record_key="path",
        page_sha256="first_page_sha256",
        page_position="first_page_position",
        received_at="first_received_at",
        sentence=pl.format("{} records of {} say {}: did they mean {}?", "records", "module", "path", "meant"),
    )


def _distinct(records: pl.DataFrame) -> pl.DataFrame:
    """Keep each content of an object once, where it was received first: the same breach again is no other breach."""
    return records.unique([*_OBJECT, "content_sha256"], keep="first", maintain_order=True)


def _as_records(cdrs: pl.DataFrame) -> pl.DataFrame:
    return cdrs.with_columns(module=pl.lit("cdrs"), record_key="cdr_key")


def _as_other(first: pl.DataFrame, *on: str, also: Sequence[str] = ("pull_id",)) -> pl.DataFrame:
    """Give rows as the other body of a breach: their places under `other_` names, and the columns to join on."""
    named = [name for name in (*_PLACES, *also) if name in first.columns]
    return first.select(*on, *(pl.col(name).alias(f"other_{name}") for name in named))


def _code(code: ViolationCode) -> pl.Expr:
    return pl.lit(str(code)).alias("code")


def _shown(instant: str) -> pl.Expr:
    return pl.col(instant).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _complete(found: pl.DataFrame) -> pl.DataFrame:
    """Give the columns of the contract in their order; what a breach has not is null."""
    schema = {name: dtype for name, dtype in _TABLE.schema.items() if name != "violation_id"}
    return found.select(
        (pl.col(name) if name in found.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS]
