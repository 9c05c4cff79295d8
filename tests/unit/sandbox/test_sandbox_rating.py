"""The demo's two months price as what really happened asks, by the kernel and by the one-CDR reference."""

from datetime import UTC, datetime

import polars as pl
import pytest

from models.ocpi.frames import cdr_key, period_frame, period_rows, tariff_frames, tariff_version_id
from models.rating.kernel import rate
from models.rating.outcome import Note
from models.rating.reference import price_cdr
from models.types.money import rounded
from models.types.time import BillingMonth
from models.types.vocabularies import RatingOutcome, TariffSource
from pipelines.sandbox.billing import tariff_of

MONTH = BillingMonth(2026, 10).first_day
STATED = 4
"""decimals of the truth: rounding it again to cents would round twice"""


@pytest.fixture(scope="module")
def clean(world):
    """CDRs without faults, with the tariff that the CPO billed by and the right price."""
    pairs = zip(world.cdrs, world.truth.cdrs, strict=True)
    return [
        (published.cdr, tariff_of(published.claim.prices), published.claim.session.evse.location.zone, row)
        for published, row in pairs
        if not row.faults
    ]


def test_the_kernel_prices_the_month_to_the_fourth_decimal(clean):
    sessions = pl.DataFrame(
        [
            {
                "cdr_key": cdr_key(cdr),
                "started_at": cdr.started_at,
                "ended_at": cdr.ended_at,
                "time_zone": str(zone),
                "currency": cdr.currency,
                "tariff_version_ids": [tariff_version_id(tariff)],
                "billing_month": MONTH,
            }
            for cdr, tariff, zone, _ in clean
        ]
    )
    periods = period_frame([row for cdr, *_ in clean for row in period_rows(cdr, MONTH)])
    received = datetime(2026, 1, 1, tzinfo=UTC)
    rated = rate(sessions, periods, *tariff_frames((tariff, TariffSource.CDR, received) for _, tariff, *_ in clean))
    assert set(rated.cdrs["outcome"]) == {str(RatingOutcome.PRICED)}
    assert not rated.cdrs["notes"].explode().eq(str(Note.PERIOD_SPANS_PRICE_CHANGE)).any()
    told = {key: rounded(total, STATED) for key, total in rated.cdrs.select("cdr_key", "total_excl_vat").iter_rows()}
    assert told == {cdr_key(cdr): row.right_wholesale_excl_vat for cdr, *_, row in clean}
    assert len(told) > 3000


def test_the_reference_prices_the_month_to_the_fourth_decimal(clean):
    for cdr, tariff, zone, row in clean:
        total = price_cdr(cdr, [tariff], zone).total
        assert rounded(total.excl_vat, STATED) == row.right_wholesale_excl_vat, cdr_key(cdr)
