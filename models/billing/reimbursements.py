"""What an employer refunds a driver for charging a company car at home: kWh times an agreed or a published price.

Not a supply (H1): no VAT. The price is the agreement's, or the published flat value of the driver's country; a legal
maximum caps it. Each session counts by its own local date. What is unknown goes to review.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final

import polars as pl

from models.billing.amounts import billed
from models.billing.charges import Books
from models.billing.credited import NO_OBSTACLES
from models.billing.distinct import with_decisions
from models.billing.rates import HomeRate, HomeRates
from models.billing.records import Driver, HomeCharger, MasterData, is_valid_on
from models.billing.selection import with_local_times
from models.schemas.registry import Layer, table
from models.types.money import BILLED, PRECISE, PRECISE_SCALE, VOLUME, rounded
from models.types.vocabularies import ChargeOutcome, ReimbursementBasis, Verdict

_SCHEMA: Final = table(Layer.BILLED, "reimbursements").schema
_DECIDED: Final[dict[str, pl.DataType]] = {
    "account_id": pl.String(),
    "driver_id": pl.String(),
    "meter_id": pl.String(),
    "basis": pl.String(),
    "price_per_kwh": VOLUME,
    "legal_reference": pl.String(),
    "agreed_currency": pl.String(),
    "review_reason": pl.String(),
}


@dataclass(frozen=True, slots=True)
class HomePrice:
    """What a kWh is refunded at, and the row or agreement that says so."""

    price_per_kwh: Decimal
    legal_reference: str


def reimbursements(
    cdrs: pl.DataFrame,
    verdicts: pl.DataFrame,
    books: Books,
    home_rates: HomeRates,
    obstacles: pl.DataFrame = NO_OBSTACLES,
) -> pl.DataFrame:
    """Give one row per accepted CDR of charging at home, in the shape of `billed/reimbursements`.

    Args:
        cdrs: `typed/cdrs` of a month.
        verdicts: `matched/verdicts` of the month.
        books: master data and VAT rates.
        home_rates: the published prices of a kWh.
        obstacles: from `models.billing.credited.obstacles`.
    """
    accepted = verdicts.filter(pl.col("verdict") == str(Verdict.ACCEPT)).select("cdr_key")
    zone = next(iter(books.master.legal_entities.values())).time_zone
    home = with_local_times(cdrs.filter("is_home_charging").join(accepted, on="cdr_key", how="semi"), zone)
    rows = with_decisions(
        home.with_columns(
            pl.col("ended_at_local").dt.date().alias("_day"), pl.col("total_energy_kwh").alias("energy_kwh")
        ),
        ["evse_id", "contract_id", "time_zone", "_day"],
        partial(_agreement, master=books.master, rates=home_rates),
        _DECIDED,
    )
    priced = with_decisions(
        rows, ["energy_kwh", "price_per_kwh"], _amounts, {"precise_amount": PRECISE, "amount": BILLED}
    )
    credit = pl.when("is_credit").then(pl.lit("a credit CDR is no session: nothing is refunded for it"))
    decided = priced.join(obstacles, on="cdr_key", how="left", maintain_order="left", validate="1:1").with_columns(
        pl.coalesce(credit, "obstacle", "review_reason").alias("review_reason")
    )
    billable = pl.col("review_reason").is_null()
    outcome = pl.when(billable).then(pl.lit(str(ChargeOutcome.BILLABLE))).otherwise(pl.lit(str(ChargeOutcome.REVIEW)))
    finished = decided.with_columns(outcome.alias("outcome"), pl.col("agreed_currency").alias("currency"))
    return finished.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items()).sort("cdr_key")


def home_price(charger: HomeCharger, country: str, on: date, rates: HomeRates) -> HomePrice | str:
    """Give the refunded price of a kWh on a day in the driver's country, or the reason why there is none."""
    match charger.basis:
        case ReimbursementBasis.REFERENCE_FLAT:
            return _flat_price(country, on, rates)
        case ReimbursementBasis.CONTRACT_PRICE:
            return _agreed_price(charger, country, on, rates)


def _flat_price(country: str, on: date, rates: HomeRates) -> HomePrice | str:
    rate = _only(rates.on(country, "flat", on))
    if rate is None or rate.rate_per_kwh is None:
        return f"no flat value of a kWh charged at home in {country} on {on}: complete the reference rates"
    return HomePrice(rate.rate_per_kwh, rate.text)


def _agreed_price(charger: HomeCharger, country: str, on: date, rates: HomeRates) -> HomePrice | str:
    agreed = charger.contract_price_per_kwh
    if agreed is None:
        return f"home charger {charger.evse_id} is settled by contract price, but has none: load it"
    if not rates.is_limited(country):
        return HomePrice(agreed, f"{country} agreed {agreed.normalize():f} {charger.currency}/kWh")
    limit = _only(rates.on(country, "maximum", on))
    if limit is None or limit.rate_per_kwh is None:
        return f"the legal maximum of a kWh in {country} on {on} is not known for this driver: load it"
    return HomePrice(min(agreed, limit.rate_per_kwh), limit.text)


def _only(rates: tuple[HomeRate, ...]) -> HomeRate | None:
    """Give the row that holds for a whole country; where regions differ, the driver's region is not known to us."""
    return rates[0] if len(rates) == 1 and rates[0].region == "all" else None


def _agreement(
    evse_id: str | None, contract_id: str | None, zone: str | None, day: date, master: MasterData, rates: HomeRates
) -> tuple[object, ...]:
    """Decide whose session it was and its price: account, driver, meter, basis, price, reference, currency, problem."""
    if zone is None:
        return _undecided(f"the time zone of home charger {evse_id} is not known: load the location")
    charger = next(
        (c for c in master.home_chargers if c.evse_id == evse_id and is_valid_on(day, c.valid_from, c.valid_to)), None
    )
    if charger is None:
        return _undecided(f"no agreement for home charger {evse_id} on {day}: load it into the master data")
    driver = master.drivers.get(charger.driver_id)
    if driver is None:
        return _undecided(f"driver {charger.driver_id} of home charger {evse_id} is not in the master data")
    contract = master.contracts.get(contract_id or "")
    is_in_force = contract and is_valid_on(day, contract.valid_from, contract.valid_to)
    if contract is None or not is_in_force or contract.driver_id != driver.driver_id:
        reason = (
            f"home charger {evse_id} belongs to driver {driver.driver_id}, contract {contract_id} does not on {day}"
        )
        return _undecided(reason, charger, driver)
    price = home_price(charger, driver.country, day, rates)
    if isinstance(price, str):
        return _undecided(price, charger, driver)
    identity = (driver.account_id, driver.driver_id, charger.meter_id, str(charger.basis))
    return (*identity, price.price_per_kwh, price.legal_reference, charger.currency, None)


def _undecided(reason: str, charger: HomeCharger | None = None, driver: Driver | None = None) -> tuple[object, ...]:
    return (
        driver.account_id if driver else None,
        driver.driver_id if driver else None,
        charger.meter_id if charger else None,
        str(charger.basis) if charger else None,
        None,
        None,
        charger.currency if charger else None,
        reason,
    )


def _amounts(energy_kwh: Decimal, price_per_kwh: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    if price_per_kwh is None:
        return None, None
    precise = rounded(energy_kwh * price_per_kwh, PRECISE_SCALE)
    return precise, billed(precise)
