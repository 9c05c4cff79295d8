"""The price catalogue: prices, VAT, wholesale cost and margin of reference sessions, worked out by hand."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from rich.console import Console

from models.schemas.registry import Layer
from pipelines.commands import quote
from pipelines.lib.errors import UserError
from pipelines.lib.frame_files import write_frames
from pipelines.lib.lake import Lake
from pipelines.lib.quotes import DEFAULT_SESSIONS, price_catalogue, read_profile, read_start
from tests.unit.billing.billing_world import frame, write_master
from tests.unit.whatif.whatif_world import PLANS, component, tariff, write_tariffs

NOW = datetime(2026, 10, 15, 10, tzinfo=UTC)
DAY_AND_NIGHT = tariff(
    "DE*CPO",
    "T1",
    ([component("ENERGY", "0.30", vat=19)], {"start_time": "08:00", "end_time": "14:00"}),
    [component("ENERGY", "0.20", vat=19)],
    ([component("PARKING_TIME", "2.40", 60, vat=19)], {"min_duration": 10800}),
)
PER_TIME = tariff("DE*CPO", "T2", [component("TIME", "3.60", 60, vat=19)])
DANISH = tariff(
    "DK*CPO", "D1", [component("ENERGY", "3.75", vat=25), component("FLAT", "5.00", vat=25)], currency="DKK"
)
AGREEMENT = {
    "name": "CPO",
    "country": "DE",
    "currency": "EUR",
    "tolerance_amount": Decimal("0.01"),
    "tolerance_pct": Decimal("0.5"),
    "dispute_deadline_days": 30,
    "language": "de",
    "valid_from": date(2026, 1, 1),
}


def connector(owner, number, country, zone, tariffs, **more):
    return {
        "connector_key": f"{owner}*L{number}*E{number}*1",
        "cpo_id": owner,
        "location_id": f"L{number}",
        "evse_uid": f"E{number}",
        "connector_id": "1",
        "evse_id": f"{owner}*E{number}",
        "location_name": f"Place {number}",
        "country": country,
        "time_zone": zone,
        "power_type": "AC_3_PHASE",
        "max_power_kw": Decimal(22),
        "tariff_ids": tariffs,
        "last_updated_at": NOW,
        "received_at": NOW,
        **more,
    }


CONNECTORS = [
    connector("DE*CPO", 1, "DE", "Europe/Berlin", ["T1"]),
    connector("DE*CPO", 2, "DE", "Europe/Berlin", ["t2"], max_power_kw=Decimal(11)),
    connector("DK*CPO", 3, "DK", "Europe/Copenhagen", ["D1"]),
    connector("DE*CPO", 4, None, "Europe/Berlin", [], power_type=None, max_power_kw=None),
    connector("DE*SWM", 5, "DE", "Europe/Berlin", ["T1"], evse_id="DE*SWM*HOME1"),
]


@pytest.fixture
def lake(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    write_master(lake)
    write_tariffs(lake, [DAY_AND_NIGHT, PER_TIME, DANISH])
    lake.write(Layer.TYPED, "connectors", frame(Layer.TYPED, "connectors", CONNECTORS))
    return lake


def quoted(lake, *sessions, at="2026-10-15T12:00", plan=None, connectors=()):
    profiles = [read_profile(text) for text in sessions or DEFAULT_SESSIONS]
    return price_catalogue(lake, read_start(at, NOW), profiles, plan, connectors)


def one(lake, session, plan, evse, **more):
    (row,) = quoted(lake, session, plan=plan, connectors=[evse], **more).quotes.to_dicts()
    return row


def test_a_gross_plan_is_quoted_with_vat_and_its_margin_without(lake):
    row = one(lake, "50 kWh in 6 h with 2 h idle", "flex", "DE*CPO*E1")
    # 50 x 0.59 and, from the fourth hour on, 2 h x 3.00
    assert (row["price_amount"], row["is_vat_included"], row["vat_rate_pct"]) == (Decimal("35.50"), True, 19)
    assert (row["price_incl_vat"], row["price_excl_vat"]) == (Decimal("35.50"), Decimal("29.83"))
    # 12 to 14 o'clock 25 kWh x 0.30, to 16 o'clock 25 x 0.20, idle after three hours 2 h x 2.40
    assert (row["wholesale_excl_vat"], row["wholesale_currency"]) == (Decimal("17.30"), "EUR")
    assert row["margin_amount"] == Decimal("12.53")


def test_a_net_plan_is_quoted_without_vat(lake):
    row = one(lake, "20 kWh in 30 min", "fleet", "DE*CPO*E1")
    assert (row["price_amount"], row["is_vat_included"]) == (Decimal("8.20"), False)
    assert (row["price_excl_vat"], row["price_incl_vat"]) == (Decimal("8.20"), Decimal("9.76"))  # 9.758
    assert row["margin_amount"] == Decimal("2.20")


def test_a_session_is_priced_by_the_clock_of_its_place(lake):
    # 20:00 UTC is 22:00 in Berlin: all of it at night
    assert one(lake, "10 kWh in 1 h", "flex", "DE*CPO*E1", at="2026-10-15T20:00Z")["wholesale_excl_vat"] == 2
    assert one(lake, "10 kWh in 1 h", "flex", "DE*CPO*E1", at="2026-10-15T08:00")["wholesale_excl_vat"] == 3
    # half an hour before 14:00, half after
    assert one(lake, "10 kWh in 1 h", "flex", "DE*CPO*E1", at="2026-10-15T13:30")["wholesale_excl_vat"] == Decimal(
        "2.5"
    )


def test_wholesale_is_quoted_by_the_agreement(lake):
    assert one(lake, "3.333 kWh in 1 h", "flex", "DE*CPO*E1")["wholesale_excl_vat"] == Decimal("0.9999")
    rounds = {"cpo_id": "DE*CPO", "rating_policy": "rounding_place=total"}
    lake.write(Layer.MASTER, "agreements", frame(Layer.MASTER, "agreements", [AGREEMENT | rounds]))
    assert one(lake, "3.333 kWh in 1 h", "flex", "DE*CPO*E1")["wholesale_excl_vat"] == Decimal("1.00")


def test_hours_without_end_start_no_further_step(lake):
    # a third of an hour at 3.60, in steps of a minute
    assert one(lake, "10 kWh in 20 min", "flex", "DE*CPO*E2")["wholesale_excl_vat"] == Decimal("1.2")
    assert one(lake, "10 kWh in 40 min", "flex", "DE*CPO*E2")["wholesale_excl_vat"] == Decimal("2.4")


def test_currencies_are_never_set_off(lake):
    row = one(lake, "20 kWh in 30 min", "flex", "DK*CPO*E3")
    assert (row["wholesale_excl_vat"], row["wholesale_currency"], row["currency"]) == (80, "DKK", "EUR")
    assert row["margin_amount"] is None
    assert (row["price_amount"], row["price_excl_vat"]) == (Decimal("11.80"), Decimal("9.44"))  # 25 % in Denmark


def test_unknown_stays_unknown(lake):
    row = one(lake, "20 kWh in 30 min", "flex", "DE*CPO*E4")
    assert (row["price_amount"], row["vat_rate_pct"], row["is_possible"], row["margin_amount"]) == (None,) * 4
    assert row["unknown"] == row["wholesale_unknown"] == "no tariff is known for the session"


def test_a_price_without_a_country_has_one_side_only(lake):
    changed = lake.read(Layer.TYPED, "connectors").with_columns(pl.lit(None, pl.String).alias("country"))
    lake.write(Layer.TYPED, "connectors", changed)
    row = one(lake, "20 kWh in 30 min", "flex", "DE*CPO*E1")
    assert (row["price_amount"], row["price_incl_vat"], row["price_excl_vat"]) == (
        Decimal("11.80"),
        Decimal("11.80"),
        None,
    )
    assert row["unknown"] == "the charge point's country is not known: load the location"


def test_without_a_zone_a_tariff_with_local_times_has_no_price(lake):
    changed = lake.read(Layer.TYPED, "connectors").with_columns(pl.lit(None, pl.String).alias("time_zone"))
    lake.write(Layer.TYPED, "connectors", changed)
    row = one(lake, "20 kWh in 30 min", "flex", "DE*CPO*E1")
    assert (row["price_amount"], row["wholesale_excl_vat"], row["margin_amount"]) == (Decimal("11.80"), None, None)
    assert "the time zone of the location is unknown" in row["wholesale_unknown"]
    assert row["started_at"] == NOW  # noon by the company's clock, in Berlin


def test_power_decides_what_is_possible(lake):
    quotes = quoted(lake, plan="flex").quotes.select("evse_id", "session", "is_possible", "power_kw")
    # 20 kWh in half an hour take 40 kW, 50 kWh in four hours 12.5 kW
    assert [row[2] for row in quotes.rows()] == [False, True, False, False, None, None, False, True]
    assert set(quotes["power_kw"]) == {Decimal(40), Decimal("12.5")}


def test_every_connector_but_wallboxes_at_home_has_every_plan_and_session(lake):
    catalogue = quoted(lake)
    assert catalogue.quotes.select("connector_key", "plan_id", "session").n_unique() == 4 * 3 * 2
    assert catalogue.quotes.height == 24
    assert catalogue.private_connectors == 1
    assert "DE*SWM*HOME1" not in catalogue.quotes["evse_id"]


def test_components_come_in_the_order_of_the_regulation(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    write_master(lake)
    everything = tariff(
        "DE*NST",
        "flex-ac",
        ([component("TIME", "6.00"), component("FLAT", "1.00")], {"reservation": "RESERVATION"}),
        ([component("PARKING_TIME", "6.00", 60)], {"min_duration": 5400, "start_time": "08:00", "end_time": "20:00"}),
        [component("FLAT", "0.50"), component("TIME", "1.00", 900)],
        ([component("ENERGY", "0.39", 500)], {"max_kwh": Decimal("10.5"), "day_of_week": ["SATURDAY", "SUNDAY"]}),
        [component("ENERGY", "0.59")],
        [component("ENERGY", "9.99")],
        min_price={"before_taxes": Decimal("1.00"), "after_taxes": Decimal("1.19")},
        tax_included="YES",
    )
    write_tariffs(lake, [], [everything, *PLANS[1:]])
    lake.write(Layer.TYPED, "connectors", frame(Layer.TYPED, "connectors", CONNECTORS[:1]))
    found = quoted(lake, plan="flex").components
    assert found.select("position", "component", "price", "applies", "steps").rows() == [
        (1, "price per kWh", Decimal("0.39"), "on Sat, Sun; for the first 10.5 kWh", "per started 0.5 kWh"),
        (2, "price per kWh", Decimal("0.59"), "otherwise", None),
        (3, "price per minute", Decimal("0.016666667"), None, "per started 15 min"),
        (4, "price per session", Decimal("0.50"), None, None),
        (
            5,
            "occupancy fee per minute",
            Decimal("0.10"),
            "from 08:00 to 20:00; after 1 h 30 min of the session",
            "per started min",
        ),
        (6, "reservation per minute", Decimal("0.10"), "for a reservation", None),
        (7, "reservation fee", Decimal("1.00"), "for a reservation", None),
        (8, "minimum per session", Decimal("1.19"), None, None),
    ]
    assert set(found["vat_rate_pct"]) == {19}


def test_the_monthly_fee_is_a_component_without_the_vat_of_the_place(lake):
    last = quoted(lake, plan="plus").components.filter(place_country="DK").to_dicts()[-1]
    assert (last["component"], last["price"], last["vat_rate_pct"]) == ("monthly fee", Decimal("7.99"), None)


@pytest.mark.parametrize(
    ("text", "name", "charging", "idle"),
    [
        ("20 kWh in 30 min", "20 kWh in 30 min", timedelta(minutes=30), timedelta()),
        ("50 kWh in 6 hours with 2 hours idle", "50 kWh in 6 h with 2 h idle", timedelta(hours=4), timedelta(hours=2)),
        ("50kWh in 4h then 2h idle", "50 kWh in 6 h with 2 h idle", timedelta(hours=4), timedelta(hours=2)),
        ("7.50 KWH in 1 h 20 min", "7.5 kWh in 1 h 20 min", timedelta(minutes=80), timedelta()),
        (
            "3 kWh in 0.5 hours, with 10 minutes idle",
            "3 kWh in 30 min with 10 min idle",
            timedelta(minutes=20),
            timedelta(minutes=10),
        ),
        ("100 kWh in 90 minutes", "100 kWh in 1 h 30 min", timedelta(minutes=90), timedelta()),
    ],
)
def test_a_session_is_read_from_words(text, name, charging, idle):
    profile = read_profile(text)
    assert (profile.name, profile.charging, profile.idle) == (name, charging, idle)
    assert read_profile(profile.name) == profile


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a lot", "is not of the form '20 kWh in 30 min'"),
        ("20 kWh in 30", "is not of the form"),
        ("5 kWh in 1 h with 2 h idle", "idle for longer than it lasts"),
        ("5 kWh in 1 h with 1 h idle", "5 kWh cannot flow in no time"),
        ("0 kWh in 0 min", "longer than no time"),
        ("5 kWh in 169 h", "at most 10,000 kWh in at most 7 days"),
    ],
)
def test_words_that_are_no_session_are_refused(text, complaint):
    with pytest.raises(UserError, match=complaint):
        read_profile(text)


def test_a_start_without_zone_is_local_and_now_where_nothing_is_said():
    assert read_start("", NOW).at == NOW
    assert str(read_start("2026-10-15T12:00", NOW)) == "2026-10-15 12:00 local time of the charge point"
    assert str(read_start("2026-10-15T12:00+02:00", NOW)) == "2026-10-15 10:00 UTC"
    with pytest.raises(UserError, match="'noon' is no time: write one such as 2026-10-15T12:00"):
        read_start("noon", NOW)
    with pytest.raises(UserError, match="write a time from 2000 to 2099"):
        read_start("9999-12-31T23:59", NOW)


def test_what_is_not_on_offer_is_answered_with_what_is(lake, tmp_path):
    with pytest.raises(
        UserError, match=r"plan 'gold' is not in force on 2026-10-15; plans that are: fleet, flex, plus"
    ):
        quoted(lake, plan="gold")
    with pytest.raises(
        UserError, match=r"connector DE\*CPO\*E9 is not a public one that is known; the nearest: DE\*CPO"
    ):
        quoted(lake, connectors=["de*cpo*e9"])
    empty = Lake(str(tmp_path / "other"))
    write_master(empty)
    with pytest.raises(UserError, match="no connector is known: run roamledger pull"):
        quoted(empty)


@pytest.fixture
def command(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", NOW.isoformat())

    def run(output=None):
        console = Console(file=io.StringIO(), width=120)
        assert quote.run([], "2026-10-15T12:00", None, [], output, console) == 0
        return console.file.getvalue()

    return run


def test_the_command_groups_what_is_the_same(command):
    shown = command()
    for part in (
        "What the plans charge",
        "occupancy fee per minute",
        "after 4 h of the session",
        "VAT at the place, for a consumer: DE 19 %, DK 25 %, no country unknown",
        "20 kWh in 30 min (40 kW for 30 min)",
        "50 kWh in 6 h with 2 h idle (12.5 kW for 4 h, then idle for 2 h)",
        "+12.53",
        "24 quotes: 4 connectors, 3 plans, 2 reference sessions.",
        "Private and not on offer: 1 connector at drivers' homes.",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_a_name_that_is_a_formula_stays_a_text_in_a_spreadsheet(tmp_path):
    names = pl.DataFrame({"name": ['=HYPERLINK("http://evil")', "-1", "Plain", None], "margin": [-1, 2, 3, 4]})
    write_frames(tmp_path / "names.csv", {"names": names})
    with (tmp_path / "names.csv").open() as lines:
        rows = [(row["name"], row["margin"]) for row in csv.DictReader(lines)]
    assert rows == [('\'=HYPERLINK("http://evil")', "-1"), ("'-1", "2"), ("Plain", "3"), ("", "4")]


def test_a_file_has_a_row_for_every_connector_plan_and_session(command, tmp_path):
    command(tmp_path / "q.csv")
    with (tmp_path / "q.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 24
    with (tmp_path / "q.components.csv").open() as lines:
        assert {row["plan_id"] for row in csv.DictReader(lines)} == {"fleet", "flex", "plus"}
    command(tmp_path / "q.parquet")
    assert pl.read_parquet(tmp_path / "q.parquet").schema["precise_amount"] == pl.Decimal(38, 12)
    command(tmp_path / "q.json")
    told = json.loads((tmp_path / "q.json").read_text())
    assert len(told["quotes"]) == 24
    prices = [row["price"] for row in told["price_lists"][0]["components"]]
    assert prices == ["0.410000000", "3.900000000"]  # fleet: per kWh, and the monthly fee
