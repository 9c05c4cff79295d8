"""A quote is what the one-CDR reference makes of the same session, to the last digit, whatever the tariffs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ocpi.canonical import Cdr, Price
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.rating.policy import DEFAULT_POLICY
from models.rating.reference import price_cdr
from models.rating.splitting import charging_periods, restrictions_of
from models.types.vocabularies import TariffSource
from pipelines.lib.quotes.pricing import price_situations, quoted
from pipelines.lib.quotes.profiles import Profile
from tests.property.whatif.test_splitting_properties import NIGHTS, tariffs, zones

POLICY = quoted(DEFAULT_POLICY)

STEPS = (0, 1, 60, 300, 900, 3600)
profiles = st.builds(
    Profile,
    st.decimals(0, 80, places=3),
    st.integers(1, 300).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 150).map(lambda minutes: timedelta(minutes=minutes)),
)


@st.composite
def stepped(draw):
    """A tariff whose components are billed in steps."""
    tariff = draw(tariffs)
    elements = [
        replace(
            element,
            components=tuple(replace(each, step_size=draw(st.sampled_from(STEPS))) for each in element.components),
        )
        for element in tariff.elements
    ]
    return replace(tariff, tariff_id=f"T{draw(st.integers(1, 3))}", elements=tuple(elements))


def by_reference(profile, tariff, start, zone):
    session = profile.starting(start)
    cdr = Cdr(
        owner_id="DE*LDW",
        cdr_id="C1",
        started_at=start,
        ended_at=session.ended_at,
        currency="EUR",
        periods=charging_periods(session, restrictions_of(tariff), zone),
        total_cost=Price(Decimal(0)),
        total_energy_kwh=profile.energy_kwh,
        total_hours=Decimal(0),
    )
    return price_cdr(cdr, [tariff], zone, POLICY).total


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(stepped(), zones, st.sampled_from(NIGHTS)), min_size=1, max_size=4),
    st.lists(profiles, min_size=1, max_size=3),
)
def test_many_situations_in_one_call_are_priced_as_one_by_one(situations, sessions):
    known = [(tariff, TariffSource.PLAN, datetime(2026, 1, 1, tzinfo=UTC)) for tariff, _, _ in situations]
    versions, components = tariff_frames(known)
    frame = pl.DataFrame(
        [
            (number, [tariff_version_id(tariff)], "EUR", zone.key, start)
            for number, (tariff, zone, start) in enumerate(situations)
        ],
        schema={
            "situation": pl.UInt32,
            "version_ids": pl.List(pl.String),
            "currency": pl.String,
            "time_zone": pl.String,
            "started_at": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    frame = frame.with_columns(pl.lit(str(POLICY)).alias("policy"))
    priced = price_situations(frame, sessions, versions, components)
    for row in priced.iter_rows(named=True):
        tariff, zone, start = situations[row["situation"]]
        expected = by_reference(sessions[row["profile"]], tariff, start, zone)
        assert (row["total_excl_vat"], row["total_incl_vat"]) == (expected.excl_vat, expected.incl_vat)
    assert priced.height == len(situations) * len(sessions)
