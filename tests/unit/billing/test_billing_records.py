"""Typed rows have exactly the columns of their contracts, so a new column cannot be forgotten silently."""

import pytest

from models.billing import records
from models.schemas.registry import Layer, table


@pytest.mark.parametrize(
    ("layer", "name", "kind"),
    [
        (Layer.MASTER, "legal_entities", records.LegalEntity),
        (Layer.MASTER, "vat_registrations", records.VatRegistration),
        (Layer.MASTER, "accounts", records.Account),
        (Layer.MASTER, "account_vat_ids", records.AccountVatId),
        (Layer.MASTER, "plans", records.Plan),
        (Layer.MASTER, "contracts", records.Contract),
        (Layer.MASTER, "drivers", records.Driver),
        (Layer.MASTER, "vehicles", records.Vehicle),
        (Layer.MASTER, "home_chargers", records.HomeCharger),
        (Layer.MASTER, "fx_rates", records.FxRate),
        (Layer.BILLED, "charges", records.Charge),
        (Layer.BILLED, "reimbursements", records.Reimbursement),
    ],
)
def test_fields_are_the_columns(layer, name, kind):
    assert list(kind.__struct_fields__) == list(table(layer, name).schema)
