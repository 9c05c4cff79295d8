"""What the world says in OCPI 2.2.1, told in the words of 2.3.0 (edition 2): taxes by name, and limits with them.

Everything that 2.2.1 says can be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from models.types.money import rounded

Record = dict[str, Any]

_COSTS = (
    *("total_cost", "total_fixed_cost", "total_energy_cost", "total_time_cost", "total_parking_cost"),
    "total_reservation_cost",
)
_TAX = {
    "DE": (("MwSt", Decimal(19)),),
    "NL": (("BTW", Decimal(21)),),
    "BE": (("BTW/TVA", Decimal(21)),),
    "FR": (("TVA", Decimal(20)),),
    "DK": (("Moms (stat)", Decimal(15)), ("Moms (region)", Decimal(10))),
}
"""names and rates by the CPO's country; Denmark's 25 % are told as two, because 2.3.0 allows several"""


def cdr(record: Record) -> Record:
    """Tell a CDR: every cost with its taxes."""
    told = dict(record)
    for name in _COSTS:
        if name in told:
            told[name] = _price(told[name], record["country_code"])
    if "tariffs" in told:
        told["tariffs"] = [tariff(each) for each in told["tariffs"]]
    return told


def tariff(record: Record) -> Record:
    """Tell a tariff: its prices exclude tax, and its limits are told before and after taxes."""
    told = {name: value for name, value in record.items() if name != "last_updated"}
    for name in ("min_price", "max_price"):
        if name in told:
            told[name] = _limit(told[name])
    return told | {"tax_included": "NO", "last_updated": record["last_updated"]}


TELLERS: Mapping[str, Callable[[Record], Record]] = {"cdrs": cdr, "tariffs": tariff}
"""by module; the others are the same in 2.3.0, as far as the world uses them"""


def _price(price: Record, country: str) -> Record:
    """Give a Price: its taxes add up to what the 2.2.1 amounts differ by, to the last digit."""
    before = Decimal(price["excl_vat"])
    if "incl_vat" not in price:
        return {"before_taxes": before}
    left = Decimal(price["incl_vat"]) - before
    taxes: list[Record] = []
    for name, percentage in _TAX[country][:-1]:
        amount = rounded(before * percentage.scaleb(-2), 4)
        taxes.append({"name": name, "percentage": percentage, "amount": amount})
        left -= amount
    last, percentage = _TAX[country][-1]
    return {"before_taxes": before, "taxes": [*taxes, {"name": last, "percentage": percentage, "amount": left}]}


def _limit(limit: Record) -> Record:
    told = {"before_taxes": limit["excl_vat"]}
    return told | ({"after_taxes": limit["incl_vat"]} if "incl_vat" in limit else {})
