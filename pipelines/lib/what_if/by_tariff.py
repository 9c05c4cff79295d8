"""What a CPO's sessions of a month would have cost, had it published another tariff in the place of one of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import polars as pl

from models.billing.selection import retail_subjects
from models.ocpi.canonical import Tariff
from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames, tariff_key, tariff_version_id
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import VERSIONS, parse_tariff
from models.rating.kernel import rate
from models.rating.policy import DEFAULT_POLICY, PolicyError, read_choices
from models.rating.selection import select_wholesale
from models.schemas.registry import Layer
from models.types.money import PRECISE
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeKind, ChargeOutcome, RatingOutcome, TariffSource, Verdict
from pipelines.lib.books import master_tables
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.what_if.effects import EXCL_VAT, WhatIf, accepted_verdicts, require_month, session_effects

COMPARISON: Final = (
    "Compared per accepted CDR: the precise wholesale price without VAT, recomputed by the tariff that was published, "
    "and the one by the file. Margin is the net charged to the customer, where it is in the same currency, less that "
    "price."
)

_PRICE: Final = ("outcome", "reason", "total_excl_vat", "price_low_excl_vat", "price_high_excl_vat")
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_tariff_file(path: Path, version: str) -> Tariff:
    """Read one OCPI Tariff object.

    Raises:
        UserError: when the version is not known, or the file cannot be read in full.
    """
    if version not in VERSIONS:
        msg = f"ocpi-version {version!r} is not known: it is one of {', '.join(VERSIONS)}"
        raise UserError(msg)
    try:
        found = decode_json(path.read_bytes())
        if not isinstance(found, Mapping):
            msg = f"{path}: expected one OCPI {version} Tariff object, found {type(found).__name__}"
            raise UserError(msg)
        return parse_tariff(cast("Mapping[str, object]", found), version)
    except RecordProblem as problem:
        msg = f"{path}: {problem.message}"
        raise UserError(msg) from None
    except OSError as error:
        msg = f"tariff {path} cannot be read: {error.strerror or error}"
        raise UserError(msg) from None


def reprice_by_tariff(lake: Lake, month: BillingMonth, tariff: Tariff) -> WhatIf:
    """Price the CDRs of a month that a published tariff priced by another one of the same owner and id.

    Raises:
        UserError: when its owner published no tariff of that id, or the month was not priced.
    """
    versions = lake.read(Layer.TYPED, "tariff_versions")
    _require_published(versions, tariff)
    require_month(lake, Layer.PRICED, "wholesale_cdrs", month)
    always = replace(tariff, valid_from=None, valid_to=None)
    sessions = _sessions(lake, month, versions, always)
    rows = _with_revenue(lake, month, _with_prices(lake, month, versions, sessions, always))
    sessions = session_effects(_compared(rows))
    return WhatIf(
        month=month,
        question=f"tariff {tariff_key(tariff)} of the file for the one that was published, in {month}",
        comparison=COMPARISON,
        sessions=sessions,
        remarks=tuple(_remarks(tariff, sessions)),
    )


def _require_published(versions: pl.DataFrame, tariff: Tariff) -> None:
    published = versions.filter(pl.col("source") == str(TariffSource.PUBLISHED))
    if tariff_key(tariff) in set(published["tariff_key"]):
        return
    owner = tariff.owner_id.upper()
    own = sorted(set(published.filter(pl.col("owner_id").str.to_uppercase() == owner)["tariff_id"]))
    owners = ", ".join(sorted(set(published["owner_id"]))) or "nobody"
    known = f"{owner} published {', '.join(own)}" if own else f"{owner} published none; those who did: {owners}"
    msg = f"tariff {tariff.tariff_id} of {owner} was never published: {known}"
    raise UserError(msg)


def _sessions(lake: Lake, month: BillingMonth, versions: pl.DataFrame, tariff: Tariff) -> pl.DataFrame:
    """Give the kernel's input for the CDRs that the tariff prices, with the file's version in its place."""
    selection = select_wholesale(
        lake.read(Layer.TYPED, "cdrs", month),
        lake.read(Layer.TYPED, "charging_periods", month),
        versions,
        lake.read(Layer.TYPED, "connectors"),
    )
    replaced = versions.filter(pl.col("tariff_key") == tariff_key(tariff))["tariff_version_id"].to_list()
    candidates = pl.col("tariff_version_ids")
    concerned = candidates.list.eval(pl.element().is_in(replaced)).list.any()
    with_file = pl.element().replace(replaced, [tariff_version_id(tariff)] * len(replaced))
    return selection.sessions.filter(concerned).with_columns(
        candidates.list.eval(with_file).list.unique(maintain_order=True)
    )


def _with_prices(
    lake: Lake, month: BillingMonth, versions: pl.DataFrame, sessions: pl.DataFrame, tariff: Tariff
) -> pl.DataFrame:
    """Give one row per CDR with the price that is stored and the price by the file, under the same policy."""
    stored = lake.read(Layer.PRICED, "wholesale_cdrs", month)
    today = sessions.select("cdr_key", "currency").join(
        stored.select("cdr_key", "policy", *_named("today")), on="cdr_key", how="left", validate="1:1"
    )
    periods = lake.read(Layer.TYPED, "charging_periods", month).join(sessions, on="cdr_key", how="semi")
    tariffs = _tariffs_with(lake, versions, tariff)
    rated = [stored.clear()]
    for policy in today["policy"].drop_nulls().unique().sort():
        alike = sessions.join(today.filter(pl.col("policy") == policy), on="cdr_key", how="semi")
        rated.append(rate(alike, periods, *tariffs, DEFAULT_POLICY.choosing(_choices(policy, month))).cdrs)
    then = pl.concat([each.select("cdr_key", *_named("then")) for each in rated], how="vertical")
    return today.join(then, on="cdr_key", how="left", validate="1:1")


def _tariffs_with(lake: Lake, versions: pl.DataFrame, tariff: Tariff) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give all versions and components with those of the file beside them, which may be one that is known."""
    added = tariff_frames([(tariff, TariffSource.PUBLISHED, _ALWAYS)])
    others = pl.col("tariff_version_id") != tariff_version_id(tariff)
    known = (versions, lake.read(Layer.TYPED, "tariff_components"))
    both = [pl.concat([old.filter(others), new], how="vertical") for old, new in zip(known, added, strict=True)]
    return both[0], both[1]


def _named(prefix: str) -> list[pl.Expr]:
    return [pl.col(name).alias(f"{prefix}_{name}") for name in _PRICE]


def _choices(policy: str, month: BillingMonth) -> dict[str, str]:
    try:
        return read_choices(policy)
    except PolicyError as error:
        msg = f"month {month} was priced under a policy that is not known ({error}): price it again (roamledger pull)"
        raise UserError(msg) from None


def _with_revenue(lake: Lake, month: BillingMonth, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the CDR's energy and CPO, its verdict, its customer, and what the customer was charged."""
    cdrs = lake.read(Layer.TYPED, "cdrs", month)
    subjects = retail_subjects(cdrs, master_tables(lake)).select("cdr_key", "account_id")
    billable = (pl.col("kind") == str(ChargeKind.SESSION)) & (pl.col("outcome") == str(ChargeOutcome.BILLABLE))
    charges = lake.read(Layer.BILLED, "charges", month).filter(billable)
    charged = charges.select("cdr_key", "net_amount", pl.col("currency").alias("charge_currency"))
    facts = cdrs.select("cdr_key", "cpo_id", pl.col("total_energy_kwh").alias("energy_kwh"))
    for other in (facts, subjects, accepted_verdicts(lake, month), charged):
        rows = rows.join(other, on="cdr_key", how="left", validate="1:1")
    return rows


def _compared(rows: pl.DataFrame) -> pl.DataFrame:
    same_currency = pl.col("charge_currency") == pl.col("currency")
    revenue = pl.when(same_currency).then(pl.col("net_amount").cast(PRECISE))
    return rows.with_columns(
        pl.lit(EXCL_VAT).alias("price_side"),
        pl.col("today_total_excl_vat").alias("before_amount"),
        pl.col("then_total_excl_vat").alias("after_amount"),
        pl.col("then_price_low_excl_vat").alias("after_low_amount"),
        pl.col("then_price_high_excl_vat").alias("after_high_amount"),
        (revenue - pl.col("today_total_excl_vat")).alias("margin_before_amount"),
        (revenue - pl.col("then_total_excl_vat")).alias("margin_after_amount"),
        _obstacle().alias("not_compared"),
    )


def _remarks(tariff: Tariff, sessions: pl.DataFrame) -> Iterator[str]:
    if tariff.valid_from or tariff.valid_to:
        yield "The file's own start and end are set aside: it is priced as if always in force."
    compared = pl.col("not_compared").is_null()
    without = sessions.filter(compared & pl.col("margin_before_amount").is_null()).height
    if without:
        yield f"Without a margin: {without:,} sessions, which nobody was charged for in the currency of their cost."


def _obstacle() -> pl.Expr:
    """Say why a CDR cannot be compared, or null."""
    not_priced = str(RatingOutcome.NOT_PRICED)
    return (
        pl.when(pl.col("verdict").is_null())
        .then(pl.lit("not judged yet"))
        .when(pl.col("verdict") != str(Verdict.ACCEPT))
        .then(pl.format("verdict {}, so it is not a cost yet", "verdict"))
        .when(pl.col("today_outcome").is_null())
        .then(pl.lit("not priced yet"))
        .when(pl.col("today_outcome") == not_priced)
        .then(pl.format("no price by the published tariff: {}", "today_reason"))
        .when(pl.col("then_outcome") == not_priced)
        .then(pl.format("no price by the file: {}", "then_reason"))
        .when(pl.col("today_total_excl_vat").is_null() | pl.col("then_total_excl_vat").is_null())
        .then(pl.lit("a tariff includes VAT of an unknown rate, so the price without VAT is unknown"))
    )
