"""A tariff version is its content: what changes a price makes a new one, and nothing else does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.frames import period_frame, period_rows, tariff_frames, tariff_version_id
from models.schemas import typed
from models.types.vocabularies import Dimension, TariffSource

ENERGY = PriceComponent(Dimension.ENERGY, Decimal("0.25"), Decimal(19), 1)
TARIFF = Tariff("DE*LDW", "T1", "EUR", (TariffElement((ENERGY,)),))
KNOWN_FROM = datetime(2026, 10, 1, tzinfo=UTC)


def priced(component):
    return replace(TARIFF, elements=(TariffElement((component,)),))


def test_what_cannot_change_a_price_is_the_same_version():
    same = [
        replace(TARIFF, last_updated_at=KNOWN_FROM),
        replace(TARIFF, tariff_type="REGULAR"),
        replace(TARIFF, tariff_id="t1"),
        priced(replace(ENERGY, unit_price=Decimal("0.2500"))),
    ]
    assert {tariff_version_id(tariff) for tariff in same} == {tariff_version_id(TARIFF)}


def test_what_can_change_a_price_is_another_version():
    others = [
        priced(replace(ENERGY, unit_price=Decimal("0.26"))),
        priced(replace(ENERGY, vat_rate_pct=None)),
        priced(replace(ENERGY, vat_rate_pct=Decimal(0))),
        priced(replace(ENERGY, step_size=0)),
        replace(TARIFF, elements=(TariffElement((ENERGY,), Restrictions(min_duration_seconds=0)),)),
        replace(TARIFF, max_price=Price(Decimal(9))),
        replace(TARIFF, valid_to=KNOWN_FROM),
        replace(TARIFF, owner_id="DE*SWM"),
    ]
    assert len({tariff_version_id(tariff) for tariff in [*others, TARIFF]}) == len(others) + 1


def test_frames_fit_their_contracts_and_keep_the_first_of_each_content():
    later = KNOWN_FROM + timedelta(days=1)
    versions, components = tariff_frames(
        [(TARIFF, TariffSource.PUBLISHED, KNOWN_FROM), (replace(TARIFF, tariff_id="t1"), TariffSource.CDR, later)],
    )
    typed.TariffVersions.validate(versions)
    typed.TariffComponents.validate(components)
    assert versions.select("tariff_key", "source", "known_from").rows() == [("DE*LDW*T1", "published", KNOWN_FROM)]
    assert len(components) == 1


def test_periods_are_numbered_in_order_of_time():
    periods = tuple(ChargingPeriod(KNOWN_FROM + timedelta(hours=hour)) for hour in (2, 0, 1))
    zero = Price(Decimal(0))
    cdr = Cdr("DE*LDW", "c1", KNOWN_FROM, KNOWN_FROM, "EUR", periods, zero, Decimal(0), Decimal(0))
    frame = period_frame(period_rows(cdr, date(2026, 10, 1)))
    typed.ChargingPeriods.validate(frame)
    assert frame["cdr_key"].unique().to_list() == ["DE*LDW*C1"]
    assert frame["started_at"].to_list() == sorted(period.started_at for period in periods)
