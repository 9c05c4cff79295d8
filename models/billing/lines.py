"""Invoice lines, and the price components that explain them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypeVar

import polars as pl

from models.billing.documents import InvoiceLine, PriceLine
from models.billing.problems import BillingProblem
from models.billing.records import Charge, MasterData
from models.types.money import rounded

Value = TypeVar("Value")

_LABELS: Final = {
    "ENERGY": ("energy", "kWh"),
    "TIME": ("charging_time", "h"),
    "PARKING_TIME": ("parking_time", "h"),
    "FLAT": ("flat", None),
}
_ORDER: Final = ("energy", "charging_time", "parking_time", "flat", "reservation", "limit")


def price_lines(components: pl.DataFrame, gross_cdrs: Iterable[str]) -> dict[str, tuple[PriceLine, ...]]:
    """Sum priced components per session, dimension and unit price, in the terms of the price list.

    Args:
        components: `priced/retail_components`.
        gross_cdrs: keys of the CDRs that a gross price list prices; the others' amounts are net.

    Returns:
        Price lines by `cdr_key`; their amounts add up to the session's precise amount.
    """
    is_gross = pl.col("cdr_key").is_in(list(gross_cdrs))
    summed = (
        components.with_columns(
            pl.when(is_gross).then("amount_incl_vat").otherwise("amount_excl_vat").alias("amount"),
        )
        .group_by("cdr_key", "dimension", "is_reservation", "unit_price")
        .agg(
            pl.col("billed_volume").sum().alias("volume"),
            pl.col("billed_volume").is_not_null().any().alias("has_volume"),
            pl.col("amount").sum(),
        )
    )
    lines: dict[str, list[PriceLine]] = {}
    for row in summed.iter_rows(named=True):
        lines.setdefault(row["cdr_key"], []).append(_price_line(**row))
    return {cdr_key: tuple(sorted(found, key=_price_order)) for cdr_key, found in lines.items()}


def invoice_line(
    number: int, charge: Charge, prices: dict[str, tuple[PriceLine, ...]], master: MasterData
) -> InvoiceLine:
    """Make a line of a billable charge."""
    vehicle = master.vehicles.get(charge.vehicle_id or "")
    driver = master.drivers.get(charge.driver_id or "")
    plan = master.plans.get(charge.plan_id or "")
    return InvoiceLine(
        line_number=number,
        charge_id=charge.charge_id,
        kind=charge.kind,
        supplied_on=charge.supplied_on,
        started_at_local=charge.started_at_local,
        ended_at_local=charge.ended_at_local,
        cdr_key=charge.cdr_key,
        location_name=charge.location_name,
        location_city=charge.location_city,
        evse_id=charge.evse_id,
        current_type=charge.current_type,
        energy_kwh=charge.energy_kwh,
        duration_seconds=_seconds(charge.duration_hours),
        price_lines=prices.get(charge.cdr_key or "", ()),
        plan_name=plan.name if plan else None,
        vehicle_plate=vehicle.plate if vehicle else None,
        driver_name=driver.name if driver else None,
        cost_centre=charge.cost_centre,
        place_country=decided(charge.place_country, charge, "place_country"),
        vat_country=decided(charge.vat_country, charge, "vat_country"),
        vat_case=decided(charge.vat_case, charge, "vat_case"),
        vat_category=decided(charge.vat_category, charge, "vat_category"),
        vat_rate_pct=decided(charge.vat_rate_pct, charge, "vat_rate_pct"),
        net_amount=decided(charge.net_amount, charge, "net_amount"),
        gross_amount=charge.gross_amount,
    )


def decided(value: Value | None, charge: Charge, column: str) -> Value:
    """Give a value that every billable charge has; without it nothing is issued."""
    if value is None:
        month = f"{charge.billing_month:%Y-%m}"
        msg = f"charge {charge.charge_id} is billable but has no {column}: rebuild billed/charges of {month}"
        raise BillingProblem(msg)
    return value


def _price_line(  # the columns of a summed component
    *,
    cdr_key: str,
    dimension: str | None,
    is_reservation: bool,
    unit_price: Decimal | None,
    volume: Decimal,
    has_volume: bool,
    amount: Decimal,
) -> PriceLine:
    del cdr_key
    label, unit = _LABELS[dimension] if dimension else ("limit", None)
    return PriceLine(
        label="reservation" if is_reservation else label,
        volume=volume if has_volume else None,
        unit=unit,
        unit_price=unit_price,
        amount=amount,
    )


def _price_order(line: PriceLine) -> tuple[int, str, Decimal]:
    return _ORDER.index(line.label), line.unit or "", line.unit_price or Decimal(0)


def _seconds(hours: Decimal | None) -> int | None:
    return None if hours is None else int(rounded(hours * 3600, 0))
