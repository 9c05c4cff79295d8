"""The wholesale audit: every claim priced again, by the tariff and the policy that its CPO's agreement names."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from models.rating.kernel import rate
from models.rating.policy import DEFAULT_POLICY, Policy, read_choices
from models.rating.selection import select_wholesale, with_selection_notes

_POLICY = "_policy"


@dataclass(frozen=True, slots=True)
class TariffTables:
    """What tariffs are known: `typed/tariff_versions`, `typed/tariff_components`, `typed/connectors`."""

    versions: pl.DataFrame
    components: pl.DataFrame
    connectors: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Audited:
    """`priced/wholesale_cdrs` and `priced/wholesale_components`, in the order of `cdr_key`."""

    cdrs: pl.DataFrame
    components: pl.DataFrame


def audit(cdrs: pl.DataFrame, periods: pl.DataFrame, tariffs: TariffTables, agreements: pl.DataFrame) -> Audited:
    """Price claims again, each by the policy of its CPO; a CPO without agreement has the defaults.

    Args:
        cdrs: `typed/cdrs`.
        periods: `typed/charging_periods` of the same CDRs.
        tariffs: what is known of tariffs.
        agreements: `master/agreements`.
    """
    policies = policies_of(agreements)
    word = pl.col("cpo_id").replace_strict(
        {cpo_id: str(policy) for cpo_id, policy in policies.items()},
        default=str(DEFAULT_POLICY),
        return_dtype=pl.String,
    )
    named = cdrs.with_columns(word.alias(_POLICY))
    distinct = {str(policy): policy for policy in (DEFAULT_POLICY, *policies.values())}
    parts = [
        _audited(part.drop(_POLICY), periods, tariffs, distinct[str(key[0])])
        for key, part in named.group_by(_POLICY, maintain_order=True)
    ] or [_audited(cdrs, periods, tariffs, DEFAULT_POLICY)]
    return Audited(
        pl.concat([part.cdrs for part in parts]).sort("cdr_key"),
        pl.concat([part.components for part in parts]).sort("cdr_key", "row_index"),
    )


def policies_of(agreements: pl.DataFrame) -> dict[str, Policy]:
    """Give the policy of each CPO that we have an agreement with.

    Raises:
        PolicyError: when an agreement names a choice that does not exist; the master data is checked for that first.
    """
    rows = agreements.select("cpo_id", "rating_policy").iter_rows()
    return {cpo_id: DEFAULT_POLICY.choosing(read_choices(choices or "")) for cpo_id, choices in rows}


def _audited(cdrs: pl.DataFrame, periods: pl.DataFrame, tariffs: TariffTables, policy: Policy) -> Audited:
    selection = select_wholesale(cdrs, periods, tariffs.versions, tariffs.connectors, policy.tariff_precedence)
    rated = rate(selection.sessions, periods, tariffs.versions, tariffs.components, policy)
    return Audited(with_selection_notes(rated.cdrs, selection), rated.components)
