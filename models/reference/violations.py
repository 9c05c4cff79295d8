"""Breaches of the protocol as evidence: one row each, with the places of both bodies where there are two.

Every function takes the landed records as they were decided upon, in the order received, or typed tables, and gives
rows of `typed/protocol_violations` without their id; `violations` puts them together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import polars as pl

from models.ocpi.id_lengths import longest_id
from models.schemas.registry import Layer, table
from models.types.intake_codes import ViolationCode

_TABLE: Final = table(Layer.TYPED, "protocol_violations")
_OBJECT: Final = ("connection_id", "module", "record_key")
_ID_DIGITS: Final = 16
_PLACES: Final = ("connection_id", "content_sha256", "page_sha256", "page_position")


def violations(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Give `typed/protocol_violations`: what was found, each breach once, by its id."""
    parts = [_complete(frame) for frame in found]
    every = pl.concat([_TABLE.empty().drop("violation_id"), *parts])
    named = every.with_columns(
        violation_id=pl.concat_str(
            *(pl.col(name).cast(pl.String).fill_null("-") for name in every.columns if name not in _NOT_IN_ID),
            separator="|",
        ).map_elements(_digest, return_dtype=pl.String)
    )
    return named.unique("violation_id", keep="first", maintain_order=True).select(list(_TABLE.schema)).sort(_TABLE.key)


_NOT_IN_ID: Final = frozenset({"sentence", "received_at"})


def changed_cdrs(records: pl.DataFrame) -> pl.DataFrame:
    """Find CDRs whose content differs from the first body under their id, within a pull or later.

    Bodies in two versions of OCPI differ in their words: such a one is a breach only where it was decided upon as one.
    """
    cdrs = records.filter(pl.col("module") == "cdrs", pl.col("record_key").is_not_null(), pl.col("page_position") >= 0)
    cdrs = cdrs.with_columns(_first_version=pl.col("ocpi_version").first().over("record_key"))
    first = cdrs.unique("record_key", keep="first", maintain_order=True)
    differing = _distinct(cdrs).join(_as_other(first, "record_key"), on="record_key", how="inner", validate="m:1")
    is_comparable = (pl.col("ocpi_version") == pl.col("_first_version")) | pl.col("rule").eq_missing(
        pl.lit(str(ViolationCode.CDR_CHANGED))
    )
    differing = differing.filter(pl.col("content_sha256") != pl.col("other_content_sha256"), is_comparable)
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


def repeated_ids(records: pl.DataFrame) -> pl.DataFrame:
    """Find objects that one page lists more than once with different content."""
    page = [*_OBJECT, "pull_id", "page_sha256"]
    named = records.filter(pl.col("record_key").is_not_null(), pl.col("page_position") >= 0)
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


def long_ids(records: pl.DataFrame) -> pl.DataFrame:
    """Find ids that are longer than their version allows; they are kept as sent."""
    kinds = records.select("module", "ocpi_version").unique().rows()
    lengths = pl.DataFrame(
        [(module, version, longest_id(module, version)) for module, version in kinds],
        schema={"module": pl.String, "ocpi_version": pl.String, "_longest": pl.UInt32},
        orient="row",
    )
    named = _distinct(records.filter(pl.col("record_id").is_not_null()))
    measured = named.join(lengths, on=["module", "ocpi_version"], how="left", validate="m:1", maintain_order="left")
    return measured.filter(pl.col("record_id").str.len_chars() > pl.col("_longest")).with_columns(
        _code(ViolationCode.ID_TOO_LONG),
        sentence=pl.format(
            "{} id has {} characters, OCPI {} allows {}",
            "module",
            pl.col("record_id").str.len_chars(),
            "ocpi_version",
            "_longest",
        ),
    )


def baseless_credits(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Find credit CDRs without a known original, and second credits for one; `cdrs` are all of `typed/cdrs`."""
    credits_ = _as_records(cdrs.filter("is_credit")).with_columns(
        _original=pl.format("{}*{}", "cpo_id", pl.col("credit_reference_id")).str.to_uppercase()
    )
    originals = cdrs.filter(~pl.col("is_credit")).select(pl.col("cdr_key").alias("_original"))
    without = credits_.join(originals, on="_original", how="anti").with_columns(
        _code(ViolationCode.CREDIT_WITHOUT_ORIGINAL),
        sentence=pl.format(
            "credit {} refers to CDR {}, which was never received",
            "record_key",
            pl.col("credit_reference_id").fill_null("(none)"),
        ),
    )
    ordered = credits_.filter(pl.col("_original").is_not_null()).sort("received_at", "page_position", "record_key")
    first = _as_other(ordered.unique("_original", keep="first", maintain_order=True), "_original", also="record_key")
    double = ordered.join(first, on="_original", how="inner", validate="m:1").filter(
        pl.col("record_key") != pl.col("other_record_key")
    )
    twice = double.with_columns(
        _code(ViolationCode.DOUBLE_CREDIT),
        sentence=pl.format("credit {} takes {} back a second time", "record_key", "_original"),
    )
    return pl.concat([_complete(without), _complete(twice)])


def reopened_sessions(cdrs: pl.DataFrame, sessions: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Find sessions that are reported as going on, with a `last_updated` later than that of the CDR about them."""
    open_ = sessions.filter(pl.col("status").is_in(["ACTIVE", "PENDING"])).select(
        record_key="session_key", status="status", last_updated_at="last_updated_at"
    )
    billed = _as_records(cdrs.filter(pl.col("session_id").is_not_null(), ~pl.col("is_credit"))).with_columns(
        record_key=pl.format("{}*{}", "cpo_id", "session_id").str.to_uppercase(), _changed="last_updated_at"
    )
    first = _as_other(billed.unique("record_key", keep="first"), "record_key", also="_changed")
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


def _as_other(first: pl.DataFrame, *on: str, also: str = "pull_id") -> pl.DataFrame:
    """Give rows as the other body of a breach: their places under `other_` names, and the columns to join on."""
    named = [name for name in (*_PLACES, also) if name in first.columns]
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
