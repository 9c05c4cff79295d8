"""What a customer owes for a session or a month, in plain scalar arithmetic: plan, place, VAT, rounding.

The plans are stated here a second time, in words of their own; a test holds them to `data/sandbox/plan_tariffs.json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from models.types.money import rounded
from pipelines.sandbox.clock import HOUR
from pipelines.sandbox.people import Account, Contract, HomeCharger
from pipelines.sandbox.sessions import Session

_PER_KWH = {
    ("flex", "AC"): Decimal("0.59"),
    ("flex", "DC"): Decimal("0.79"),
    ("plus", "AC"): Decimal("0.45"),
    ("plus", "DC"): Decimal("0.61"),
    ("fleet", "AC"): Decimal("0.41"),
    ("fleet", "DC"): Decimal("0.55"),
}
_MONTHLY_FEE = {"flex": Decimal(0), "plus": Decimal("7.99"), "fleet": Decimal("3.90")}
_FLEET_DC_START = Decimal("0.35")
_IDLE_PER_MINUTE, _IDLE_FREE_SECONDS = Decimal("0.05"), 4 * HOUR
_VAT_PCT = {"DE": 19, "NL": 21, "BE": 21, "FR": 20, "DK": 25}
_HOME_FLAT_PER_KWH = Decimal("0.34")
"""Germany, 2026"""

SELLER_VAT_IDS = {
    "DE": "DE318204706",
    "NL": "NL826114301B01",
    "BE": "BE0748215636",
    "FR": "FR22848215307",
    "DK": "DK39481200",
}
_HOME = "DE"


@dataclass(frozen=True, slots=True)
class Owed:
    """One thing owed. `gross` is None under the fleets' net price list."""

    account_id: str
    seller_vat_id: str
    vat_country: str
    is_reverse_charge: bool
    vat_pct: int
    net: Decimal
    gross: Decimal | None


@dataclass(frozen=True, slots=True)
class Totals:
    """An invoice's figures."""

    net_total: Decimal
    vat_total: Decimal
    rounding_amount: Decimal
    total: Decimal
    lines: int


def owed_for_session(contract: Contract, session: Session) -> Owed:
    """Give what a session away from home costs the customer."""
    place = session.evse.location.country
    account = contract.account
    is_reverse = place != _HOME and any(country == place for country, _ in account.vat_ids)
    price = _session_price(contract.plan_id, session)
    return _owed(account, SELLER_VAT_IDS[place], place, price, is_reverse=is_reverse)


def owed_for_month(contract: Contract) -> Owed | None:
    """Give the monthly fee; None where the plan has none. Fees are invoiced under the home VAT id."""
    fee = _MONTHLY_FEE[contract.plan_id]
    account = contract.account
    is_reverse = account.country != _HOME and not account.is_consumer
    return _owed(account, SELLER_VAT_IDS[_HOME], account.country, fee, is_reverse=is_reverse) if fee else None


def refund(charger: HomeCharger, session: Session) -> Decimal:
    """Give what the employer refunds for a session at home."""
    per_kwh = charger.contract_price_per_kwh or _HOME_FLAT_PER_KWH
    return rounded(session.charge.energy_wh * per_kwh / 1000, 2)


def totals(owed: Iterable[Owed]) -> Totals:
    """Add an invoice up: VAT once per country and rate on the sum of nets; a gross list books what is then missing."""
    lines = list(owed)
    nets: dict[tuple[str, bool, int], Decimal] = {}
    for line in lines:
        key = (line.vat_country, line.is_reverse_charge, line.vat_pct)
        nets[key] = nets.get(key, Decimal(0)) + line.net
    net_total = sum(nets.values(), Decimal("0.00"))
    vat_total = sum((rounded(net * pct / 100, 2) for (_, _, pct), net in nets.items()), Decimal("0.00"))
    gross = [line.gross for line in lines if line.gross is not None]
    rounding_amount = sum(gross, Decimal("0.00")) - net_total - vat_total if gross else Decimal("0.00")
    return Totals(net_total, vat_total, rounding_amount, net_total + vat_total + rounding_amount, len(lines))


def _session_price(plan_id: str, session: Session) -> Decimal:
    """Give the exact price by the plan: with VAT for consumers, without for fleets."""
    charge, current = session.charge, "DC" if session.evse.is_dc else "AC"
    price = charge.energy_wh * _PER_KWH[plan_id, current] / 1000
    if plan_id == "fleet":
        return price + (_FLEET_DC_START if current == "DC" else 0)
    if current == "AC":
        idle = max(0, charge.seconds - max(charge.charging_seconds, _IDLE_FREE_SECONDS))
        price += -(-idle // 60) * _IDLE_PER_MINUTE
    return price


def _owed(account: Account, seller_vat_id: str, place: str, price: Decimal, *, is_reverse: bool) -> Owed:
    pct = 0 if is_reverse else _VAT_PCT[place]
    printed = rounded(price, 2)
    net = rounded(printed * 100 / (100 + pct), 2) if account.is_consumer else printed
    gross = printed if account.is_consumer else None
    return Owed(account.account_id, seller_vat_id, place, is_reverse, pct, net, gross)
