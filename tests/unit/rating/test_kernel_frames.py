"""The kernel over frames: order, company, what is absent, and contracts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from models.ocpi.canonical import PriceComponent, Tariff, TariffElement
from models.ocpi.frames import period_frame, tariff_frames, tariff_version_id
from models.rating.kernel import rate
from models.rating.policy import AbsentVat, Policy
from models.schemas import priced
from models.types.vocabularies import Dimension, TariffSource

START = datetime(2026, 10, 6, 8, tzinfo=UTC)
MONTH = date(2026, 10, 1)
SESSION_SCHEMA = {
    "cdr_key": pl.String,
    "started_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "time_zone": pl.String,
    "currency": pl.String,
    "tariff_version_ids": pl.List(pl.String),
    "billing_month": pl.Date,
}
EMPTY_PERIOD = dict.fromkeys(
    (
        *("energy_kwh", "charging_hours", "parking_hours", "reservation_hours", "min_current_a", "max_current_a"),
        *("min_power_kw", "max_power_kw", "tariff_id"),
    ),
)


def tariff(name, price):
    component = PriceComponent(Dimension.ENERGY, Decimal(price), None, 1)
    return Tariff("DE*LDW", name, "EUR", (TariffElement((component,)),))


def known(*tariffs):
    return tariff_frames((one, TariffSource.PUBLISHED, START) for one in tariffs)


def sessions(*rows):
    whole = [(key, START, START, None, "EUR", versions, MONTH) for key, versions in rows]
    return pl.DataFrame(whole, SESSION_SCHEMA, orient="row")


def periods(**energy):
    return period_frame(
        [
            {
                **EMPTY_PERIOD,
                "cdr_key": key,
                "period_index": 0,
                "started_at": START,
                "billing_month": MONTH,
                "energy_kwh": Decimal(kwh),
            }
            for key, kwh in energy.items()
        ],
    )


def test_nothing_in_gives_nothing_out_in_the_right_shape():
    rated = rate(sessions(), periods(), *known())
    priced.RatedCdrs.validate(rated.cdrs)
    priced.RatedComponents.validate(rated.components)
    assert (len(rated.cdrs), len(rated.components)) == (0, 0)


def test_rows_come_in_the_order_of_the_sessions_whatever_the_order_of_periods():
    one = tariff("T1", "0.5")
    asked = sessions(*((key, [tariff_version_id(one)]) for key in "CAB"))
    rated = rate(asked, periods(A="1", B="2", C="3"), *known(one))
    assert rated.cdrs.select("cdr_key", "total_excl_vat").rows() == [
        ("C", Decimal("1.5")),
        ("A", Decimal("0.5")),
        ("B", Decimal(1)),
    ]
    assert rated.components["cdr_key"].to_list() == list("CAB")


def test_a_tariff_that_nobody_uses_changes_nothing():
    one, other = tariff("T1", "0.5"), tariff("T2", "0.7")
    asked = sessions(("A", [tariff_version_id(one)]))
    alone, beside = rate(asked, periods(A="1"), *known(one)), rate(asked, periods(A="1"), *known(one, other))
    assert alone.cdrs.equals(beside.cdrs)
    assert alone.components.equals(beside.components)


def test_a_version_that_is_not_in_the_table_is_no_tariff():
    rated = rate(sessions(("A", ["0" * 16]), ("B", [])), periods(A="1", B="1"), *known(tariff("T1", "0.5")))
    assert rated.cdrs["outcome"].to_list() == ["not_priced"] * 2
    assert rated.cdrs["reason"].unique().to_list() == ["no tariff is known for the session"]


def test_the_first_valid_candidate_prices_where_the_period_names_none():
    first, second = tariff("T1", "0.5"), tariff("T2", "0.7")
    asked = sessions(("A", [tariff_version_id(second), tariff_version_id(first)]))
    assert rate(asked, periods(A="10"), *known(first, second)).cdrs["total_excl_vat"].to_list() == [Decimal(7)]


def test_an_absent_rate_is_unknown_or_no_vat_as_the_policy_says_and_the_row_says_which():
    one = tariff("T1", "0.5")
    asked, volumes = sessions(("A", [tariff_version_id(one)])), periods(A="10")
    unknown = rate(asked, volumes, *known(one)).cdrs
    without = rate(asked, volumes, *known(one), Policy(absent_vat=AbsentVat.NOT_APPLICABLE)).cdrs
    assert unknown.select("total_incl_vat", "notes").rows() == [(None, ["vat_unknown"])]
    assert without.select("total_incl_vat", "notes").rows() == [(Decimal(5), [])]
    assert "absent_vat=unknown" in unknown["policy"][0]
    assert "absent_vat=not_applicable" in without["policy"][0]
