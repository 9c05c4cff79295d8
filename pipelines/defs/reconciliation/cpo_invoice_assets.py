"""The checks of CPO invoices as a table: what the register holds, exported for the warehouse.

Belongs here: the export. Does not: checking an invoice, which a person starts (`roamledger cpo-invoices check`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

import dagster as dg

from models.schemas.registry import Layer
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.checks import contract_checks
from pipelines.lib.partitions import BILLING_MONTHS
from pipelines.lib.register.cpo_invoices import export_checks


@dg.asset(
    key=asset_key(Layer.LEDGER, "cpo_invoice_checks"),
    deps=asset_keys(Layer.MATCHED, "verdicts"),
    partitions_def=BILLING_MONTHS,
    group_name="reconciliation",
)
def cpo_invoice_checks(home: Home) -> dg.MaterializeResult:
    """One row per line of a check of a CPO's invoice; the register is exported whole, whatever the month.

    The file is written while the transaction is open, so that of two months worked at once the later export wins.
    """
    with home.register.transaction() as tx:
        lines = export_checks(tx)
        home.lake.write(Layer.LEDGER, "cpo_invoice_checks", lines)
    return dg.MaterializeResult(metadata={"rows": lines.height, "checks": lines["check_id"].n_unique()})


cpo_invoice_contracts = contract_checks(Layer.LEDGER, ["cpo_invoice_checks"], partitioned=True)
