"""The price lists of the six CPOs: every usual kind of tariff is among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.sandbox.prices import PriceList, Window

_VAT = {"DE": Decimal(19), "NL": Decimal(21), "BE": Decimal(21), "FR": Decimal(20), "DK": Decimal(25)}
_TARIFF_OF = {
    ("DE*LDW", "public"): ("LDW-AC-IDLE",),
    ("DE*LDW", "workplace"): ("LDW-AC",),
    ("DE*LDW", "fast"): ("LDW-DC",),
    ("DE*SWM", "public"): ("SWM-TOD",),
    ("DE*SWM", "workplace"): ("SWM-FREE", "SWM-TOD"),
    ("DE*SWM", "fast"): ("SWM-DC",),
    ("NL*VLT", "public"): ("VLT-AC",),
    ("NL*VLT", "workplace"): ("VLT-MINUTE",),
    ("NL*VLT", "fast"): ("VLT-DC-MIN",),
    ("DK*STR", "public"): ("STR-TOD",),
    ("DK*STR", "workplace"): ("STR-AC",),
    ("DK*STR", "fast"): ("STR-DC",),
    ("BE*CHB", "public"): ("CHB-AC-IDLE",),
    ("BE*CHB", "workplace"): ("CHB-MINUTE",),
    ("BE*CHB", "fast"): ("CHB-DC-MAX",),
    ("FR*RCH", "public"): ("RCH-STAY",),
    ("FR*RCH", "workplace"): ("RCH-AC",),
    ("FR*RCH", "fast"): ("RCH-DC-TOD",),
}


@dataclass(frozen=True)
class PriceBook:
    """All versions of all price lists."""

    versions: tuple[PriceList, ...]

    @staticmethod
    def tariff_of(party: str, kind: str, city_number: int) -> str:
        """Give the tariff at a party's sites of a kind; where it has two, they alternate by city."""
        choices = _TARIFF_OF[party, kind]
        return choices[city_number % len(choices)]

    def at(self, tariff_id: str, started: int) -> PriceList:
        """Give the version that holds for a session that starts at this second; it holds to the session's end."""
        return next(
            version
            for version in self.versions
            if version.tariff_id == tariff_id
            and (version.valid_from is None or version.valid_from <= started)
            and (version.valid_to is None or started < version.valid_to)
        )


def build_prices(opened_at: int, changed_at: int) -> PriceBook:
    """Give the price book; VLT-AC gets a new version at `changed_at`, all else has been published since `opened_at`."""
    lists = [*_german(), *_dutch(), *_danish(), *_belgian(), *_french()]
    published = [replace(each, published_at=opened_at) for each in lists]
    return PriceBook(tuple(version for each in published for version in _versions(each, changed_at)))


def _versions(each: PriceList, changed_at: int) -> tuple[PriceList, ...]:
    if each.tariff_id != "VLT-AC":
        return (each,)
    after = replace(each, per_kwh=Decimal("0.37"), valid_from=changed_at, published_at=changed_at)
    return (replace(each, valid_to=changed_at), after)


def _list(party: str, tariff_id: str, currency: str, **terms: object) -> PriceList:
    terms_known = {name: Decimal(value) if isinstance(value, str) else value for name, value in terms.items()}
    return PriceList(party, tariff_id, currency, _VAT[party[:2]], **terms_known)  # pyright: ignore[reportArgumentType] - the lists below are the check


def _german() -> list[PriceList]:
    night_and_day = (Window(8 * 60, 20 * 60, Decimal("0.44")), Window(20 * 60, 8 * 60, Decimal("0.32")))
    return [
        _list("DE*LDW", "LDW-AC", "EUR", per_kwh="0.38"),
        _list(
            "DE*LDW",
            "LDW-AC-IDLE",
            "EUR",
            per_kwh="0.36",
            per_parking_hour="4.80",
            parking_free_seconds=3 * 3600,
            time_step_seconds=60,
        ),
        _list("DE*LDW", "LDW-DC", "EUR", per_kwh="0.49", start_fee="0.50", energy_step_wh=100),
        _list("DE*SWM", "SWM-TOD", "EUR", windows=night_and_day),
        _list("DE*SWM", "SWM-FREE", "EUR"),
        _list("DE*SWM", "SWM-DC", "EUR", per_kwh="0.52", energy_step_wh=500),
        _list("DE*SWM", "SWM-HOME", "EUR"),
    ]


def _dutch() -> list[PriceList]:
    return [
        _list("NL*VLT", "VLT-AC", "EUR", per_kwh="0.35"),
        _list("NL*VLT", "VLT-MINUTE", "EUR", per_kwh="0.12", per_charging_hour="1.80", time_step_seconds=300),
        _list("NL*VLT", "VLT-DC-MIN", "EUR", per_kwh="0.51", min_price="6.00"),
    ]


def _danish() -> list[PriceList]:
    windows = (
        Window(0, 6 * 60, Decimal("2.10")),
        Window(6 * 60, 17 * 60, Decimal("2.85")),
        Window(17 * 60, 21 * 60, Decimal("3.90")),
        Window(21 * 60, 24 * 60, Decimal("2.85")),
    )
    return [
        _list("DK*STR", "STR-AC", "DKK", per_kwh="2.60"),
        _list("DK*STR", "STR-TOD", "DKK", windows=windows),
        _list("DK*STR", "STR-DC", "DKK", per_kwh="3.75", start_fee="5.00"),
    ]


def _belgian() -> list[PriceList]:
    return [
        _list(
            "BE*CHB",
            "CHB-AC-IDLE",
            "EUR",
            per_kwh="0.39",
            start_fee="0.25",
            per_parking_hour="2.40",
            parking_free_seconds=2 * 3600,
            time_step_seconds=900,
        ),
        _list("BE*CHB", "CHB-MINUTE", "EUR", per_charging_hour="3.60", time_step_seconds=60),
        _list("BE*CHB", "CHB-DC-MAX", "EUR", per_kwh="0.57", max_price="20.00"),
    ]


def _french() -> list[PriceList]:
    windows = (Window(6 * 60, 22 * 60, Decimal("0.50")), Window(22 * 60, 6 * 60, Decimal("0.41")))
    return [
        _list("FR*RCH", "RCH-STAY", "EUR", per_charging_hour="2.40", per_parking_hour="1.20", time_step_seconds=60),
        _list("FR*RCH", "RCH-AC", "EUR", per_kwh="0.33", energy_step_wh=1000),
        _list("FR*RCH", "RCH-DC-TOD", "EUR", windows=windows, start_fee="1.00"),
    ]
