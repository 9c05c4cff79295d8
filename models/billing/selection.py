"""Who pays for a session and by which price list: from a CDR to contract, account, plan and plan tariff."""

from typing import Final

import polars as pl

from models.types.vocabularies import CurrentType, TariffSource

_NO_VERSIONS: Final = pl.lit([], dtype=pl.List(pl.String))


def retail_subjects(cdrs: pl.DataFrame, master: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Give one row per CDR that is retail's business (not charged at home), with contract, account and plan beside it.

    Where the contract is unknown, or not valid on the local day of the session's start, the columns of contract,
    account and plan are null; the CDR itself stays.

    Args:
        cdrs: `typed/cdrs` of a month.
        master: the tables of the layer `master` by name.
    """
    company_zone = master["legal_entities"]["time_zone"].first()
    localised = with_local_times(cdrs.filter(~pl.col("is_home_charging")), str(company_zone))
    return (
        localised.join(_contracts(master), on="contract_id", how="left", maintain_order="left", validate="m:1")
        .with_columns(_is_in_force().alias("_in_force"))
        .with_columns(
            pl.when("_in_force").then(pl.col(name)).alias(name)
            for name in ("account_id", "plan_id", "driver_id", "vehicle_id", "cost_centre", *_PLAN_COLUMNS)
        )
        .with_columns(current_type_of(pl.col("connector_power_type")).alias("current_type"))
        # the CPO's own tariffs are not what a customer pays by
        .drop("_in_force", "contract_valid_from", "contract_valid_to", "tariff_version_ids")
        .sort("cdr_key")
    )


def current_type_of(power_type: pl.Expr) -> pl.Expr:
    """Give AC or DC of an OCPI PowerType, null of an unknown one."""
    return (
        pl.when(power_type.str.starts_with("AC_"))
        .then(pl.lit(str(CurrentType.AC)))
        .when(power_type == "DC")
        .then(pl.lit(str(CurrentType.DC)))
    )


def with_local_times(cdrs: pl.DataFrame, fallback_zone: str) -> pl.DataFrame:
    """Add `started_at_local` and `ended_at_local`, wall-clock times at the charge point.

    A CDR whose location has no known zone gets the company's zone here, so that it has a date at all; such a charge
    goes to review, because the date decides the VAT.
    """
    zone = pl.col("time_zone").fill_null(fallback_zone)
    parts = [
        part.with_columns(
            pl.col(name).dt.convert_time_zone(str(key[0])).dt.replace_time_zone(None).alias(f"{name}_local")
            for name in ("started_at", "ended_at")
        )
        for key, part in cdrs.with_columns(zone.alias("_zone")).group_by("_zone", maintain_order=True)
    ]
    local = pl.lit(None, pl.Datetime("us"))
    empty = cdrs.clear().with_columns(local.alias("started_at_local"), local.alias("ended_at_local"))
    return pl.concat([empty, *(part.drop("_zone") for part in parts)], how="vertical")


def retail_sessions(
    subjects: pl.DataFrame, plan_tariffs: pl.DataFrame, versions: pl.DataFrame, party: str
) -> pl.DataFrame:
    """Give the kernel's input: one row per CDR with a known contract, and the version of the plan's tariff.

    The version is the one valid at the session's start by its own dates; of several, the one that we learned last,
    because a price list is the eMSP's own and its last word counts. No version gives an empty list, which the kernel
    answers with its reason.

    Args:
        subjects: from `retail_subjects`.
        plan_tariffs: `master/plan_tariffs`.
        versions: `typed/tariff_versions`.
        party: the eMSP's own party, such as DE*NST, which owns the plan tariffs.
    """
    priced = subjects.filter(pl.col("account_id").is_not_null(), ~pl.col("is_credit"))
    chosen = _chosen_versions(priced, plan_tariffs, versions, party)
    return (
        priced.join(chosen, on="cdr_key", how="left", maintain_order="left", validate="1:1")
        .select(
            "cdr_key",
            "started_at",
            "ended_at",
            "time_zone",
            pl.col("plan_currency").alias("currency"),
            pl.col("tariff_version_ids").fill_null(_NO_VERSIONS),
            "billing_month",
        )
        .sort("cdr_key")
    )


_PLAN_COLUMNS: Final = ("plan_currency", "is_gross_price_list", "legal_entity_id")


def _contracts(master: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Give contracts with what their account and plan add."""
    plans = master["plans"].select("plan_id", "is_gross_price_list", pl.col("currency").alias("plan_currency"))
    return (
        master["contracts"]
        .rename({"valid_from": "contract_valid_from", "valid_to": "contract_valid_to"})
        .join(master["accounts"].select("account_id", "legal_entity_id"), on="account_id", how="inner", validate="m:1")
        .join(plans, on="plan_id", how="left", validate="m:1")
    )


def _is_in_force() -> pl.Expr:
    day = pl.col("started_at_local").dt.date()
    not_over = pl.col("contract_valid_to").is_null() | (day < pl.col("contract_valid_to"))
    return pl.col("contract_valid_from").is_not_null() & (day >= pl.col("contract_valid_from")) & not_over


def _chosen_versions(
    priced: pl.DataFrame, plan_tariffs: pl.DataFrame, versions: pl.DataFrame, party: str
) -> pl.DataFrame:
    keys = plan_tariffs.with_columns((f"{party}*" + pl.col("tariff_id")).str.to_uppercase().alias("tariff_key"))
    lists = versions.filter(pl.col("source") == str(TariffSource.PLAN)).select(
        "tariff_key", "tariff_version_id", "valid_from", "valid_to", "known_from"
    )
    start = pl.col("started_at")
    return (
        priced.select("cdr_key", "started_at", "plan_id", "current_type")
        .join(keys.select("plan_id", "current_type", "tariff_key"), on=["plan_id", "current_type"], validate="m:1")
        .join(lists, on="tariff_key")
        .filter(pl.col("valid_from").is_null() | (pl.col("valid_from") <= start))
        .filter(pl.col("valid_to").is_null() | (start < pl.col("valid_to")))
        .sort("cdr_key", "known_from", "tariff_version_id", descending=[False, True, False])
        .unique("cdr_key", keep="first", maintain_order=True)
        .select("cdr_key", pl.concat_list("tariff_version_id").alias("tariff_version_ids"))
    )
