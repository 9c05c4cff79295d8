"""One world over OCPI 2.1.1, 2.2.1 and 2.3.0: the same canonical rows wherever the versions can express them."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.world import build_world
from tests.assets.intake.pulling import TYPED, new_home, pulled, rows_of, settings_for

SINCE = datetime(2026, 9, 1, tzinfo=UTC)
HUB_PARTIES = ("BE*CHB", "FR*RCH")

PROVENANCE = ("ocpi_version", "page_sha256", "content_sha256")
"""says how a row came in, and therefore differs by version"""

UNSAID_IN_2_1_1 = {
    "cdrs": {
        "session_id": "a CDR names no session",
        "authorization_reference": "there is none before 2.2",
        "token_uid": "a CDR says whose contract it was (auth_id), not which card",
        "token_type": "as token_uid",
        "total_cost_incl_vat": "costs exclude VAT, and say no rate",
        "energy_cost_excl_vat": "only the total is told",
        "energy_cost_incl_vat": "only the total is told",
        "time_cost_excl_vat": "only the total is told",
        "time_cost_incl_vat": "only the total is told",
        "parking_cost_excl_vat": "only the total is told",
        "parking_cost_incl_vat": "only the total is told",
        "fixed_cost_excl_vat": "only the total is told",
        "fixed_cost_incl_vat": "only the total is told",
        "has_signed_values": "there is no place for signed values, which is not the same as none",
    },
    "charging_periods": {"tariff_id": "periods name no tariff"},
    "sessions": {
        "authorization_reference": "there is none before 2.2",
        "token_uid": "a session says whose contract it is, not which card",
    },
    "tariff_versions": {
        "tariff_type": "there are no types",
        "min_price_excl_vat": "there are no limits",
        "min_price_incl_vat": "there are no limits",
        "max_price_excl_vat": "there are no limits",
        "max_price_incl_vat": "there are no limits",
        "valid_from": "a tariff is valid from when it is published",
        "valid_to": "a tariff is valid until another is published",
    },
    "tariff_components": {"vat_rate_pct": "prices exclude VAT, and say no rate"},
}
"""columns that 2.1.1 cannot express, with the reason: they are null there, never made up"""

OTHERWISE_IN_2_1_1 = {
    "cdrs": {
        "auth_method": "COMMAND does not exist",
        "is_home_charging": "cannot be said, and a flag that is not said is false",
        "tariff_version_ids": "a version is its content, and the content has no VAT",
    },
    "sessions": {"auth_method": "COMMAND does not exist"},
    "tokens": {"token_type": "APP_USER does not exist: OTHER"},
    "connectors": {"max_power_kw": "is volts times amperes, which are whole numbers"},
    "tariff_versions": {
        "tariff_version_id": "a version is its content, and the content has no VAT",
        "content_json": "as tariff_version_id",
    },
    "tariff_components": {"tariff_version_id": "a version is its content, and the content has no VAT"},
}
"""columns whose value is another one, with the reason"""

RECORD_OF = {
    "cdrs": ("cdrs", ["cdr_id"]),
    "sessions": ("sessions", ["session_id"]),
    "authorizations": ("authorizations", ["authorization_id", "token_uid"]),
    "tokens": ("tokens", ["token_uid", "contract_id"]),
    "connectors": ("locations", ["location_id", "evse_uid", "connector_id"]),
    "tariff_versions": (None, ["tariff_id"]),
    "tariff_history": ("tariffs", ["tariff_key"]),
    "token_history": ("tokens", ["token_uid", "contract_id"]),
    "connector_history": ("locations", ["location_id", "evse_uid", "connector_id"]),
}
"""module of the record behind a row, where its table has but one, and ids that stand in the record"""

PLACE = ("connection_id", "module", "ocpi_version", "page_sha256", "page_position")

ROW = {
    "cdrs": ["cdr_key"],
    "charging_periods": ["cdr_key", "period_index"],
    "sessions": ["session_key"],
    "tokens": ["token_uid"],
    "connectors": ["connector_key"],
    "authorizations": ["authorization_id"],
}


@pytest.fixture(scope="module")
def world():
    return build_world(7, 300, BillingMonth(2026, 10), rubbish=True)


@pytest.fixture(scope="module")
def lakes(world, tmp_path_factory):
    """The same world over each version, from peers that offer nothing else."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = {}
        for version in ("2.1.1", "2.2.1", "2.3.0"):
            with SandboxServer(world, versions=(version,)) as server:
                home = new_home(world, tmp_path_factory.mktemp("home"))
                settings = settings_for(server, home, monkeypatch, page_limit=200)
                found[version] = pulled(settings)
                remember(settings, found[version])
    return found


def received(lake, name):
    """Give the rows of a typed table that a peer sent."""
    rows = next(rows_of(lake, table) for table in TYPED if table.name == name)
    return rows.filter(pl.col("source") != "plan") if name == "tariff_versions" else rows


def texts_in(value):
    """Give every text of a JSON value."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)
    elif isinstance(value, str):
        yield value


def typed(lake, name):
    """Give a typed table with the tariffs of its versions by name, so that rows can be told apart without VAT."""
    if name == "tariff_components":
        versions = lake.read(Layer.TYPED, "tariff_versions").select("tariff_version_id", "tariff_key", "known_from")
        rows = lake.read(Layer.TYPED, name).join(
            versions, on="tariff_version_id", validate="m:1", how="left", maintain_order="left"
        )
    else:
        rows = next(rows_of(lake, table) for table in TYPED if table.name == name)
    return rows.drop(PROVENANCE, strict=False)


@pytest.mark.parametrize("name", [*ROW, "tariff_versions", "tariff_components"])
def test_2_3_0_says_all_that_2_2_1_says(lakes, name):
    known, told = typed(lakes["2.2.1"], name), typed(lakes["2.3.0"], name)
    assert known.height
    positions = {"page_position"} & set(known.columns)
    assert_frame_equal(told.drop(positions), known.drop(positions), check_row_order=False)


def test_the_hub_has_no_2_1_1_and_loses_nothing(lakes):
    of_hub = pl.col("cpo_id").is_in(HUB_PARTIES)
    rows = {version: typed(lake, "cdrs").filter(of_hub) for version, lake in lakes.items()}
    assert rows["2.1.1"].height > 10
    assert_frame_equal(rows["2.1.1"], rows["2.2.1"], check_row_order=False)


@pytest.mark.parametrize("name", list(ROW))
def test_2_1_1_says_the_same_where_it_says_anything(lakes, name):
    rows = {version: typed(lakes[version], name) for version in ("2.1.1", "2.2.1")}
    owner = next((each for each in ("cpo_id", "cdr_key") if each in rows["2.1.1"].columns), None)
    if owner and name != "authorizations":
        of_hub = pl.any_horizontal(pl.col(owner).str.starts_with(party) for party in HUB_PARTIES)
        rows = {version: each.filter(~of_hub) for version, each in rows.items()}
    told, known = (each.drop("page_position", strict=False).sort(ROW[name]) for each in rows.values())
    unsaid, otherwise = UNSAID_IN_2_1_1.get(name, {}), OTHERWISE_IN_2_1_1.get(name, {})
    assert told.height > 50
    assert_frame_equal(told.drop([*unsaid, *otherwise]), known.drop([*unsaid, *otherwise]))
    assert all(told[column].null_count() == told.height for column in unsaid)
    assert all(known[column].null_count() < known.height for column in unsaid), "unsaid, though nobody says it"
    _hold_to_what_is_otherwise(name, told, known)


def _hold_to_what_is_otherwise(name, told, known):
    if name in {"cdrs", "sessions"}:
        assert told["auth_method"].to_list() == known["auth_method"].replace("COMMAND", "AUTH_REQUEST").to_list()
        assert "COMMAND" in known["auth_method"].to_list()
    if name == "cdrs":
        assert not told["is_home_charging"].any()
        assert told["tariff_version_ids"].list.len().to_list() == known["tariff_version_ids"].list.len().to_list()
    if name == "tokens":
        assert told["token_type"].to_list() == known["token_type"].replace("APP_USER", "OTHER").to_list()
    if name == "connectors":
        assert (told["max_power_kw"] - known["max_power_kw"]).cast(pl.Float64).abs().max() < 0.1


def test_2_1_1_tells_every_version_of_a_tariff_and_its_prices(lakes):
    """Without VAT, limits and validity the versions of a tariff are told apart by their prices alone."""
    for name in ("tariff_versions", "tariff_components"):
        unsaid, otherwise = UNSAID_IN_2_1_1[name], OTHERWISE_IN_2_1_1[name]
        of_plan = pl.col("tariff_key").str.starts_with("DE*NST")
        of_hub = pl.any_horizontal(pl.col("tariff_key").str.starts_with(party) for party in HUB_PARTIES)
        told, known = (typed(lakes[version], name).filter(~of_plan, ~of_hub) for version in ("2.1.1", "2.2.1"))
        assert told.height >= 15
        dropped = [*unsaid, *otherwise]
        assert_frame_equal(told.drop(dropped), known.drop(dropped), check_row_order=False)
        assert all(told[column].null_count() == told.height for column in unsaid)


def test_every_version_refuses_the_same_records_for_the_same_reason(lakes, world):
    """An end is called `stop_date_time` in 2.1.1, so a CDR without one lacks another field, by the same rule."""
    told = sorted((each.record_id, each.expected_rule) for each in world.truth.rejects)
    for version, lake in lakes.items():
        refused = lake.read(Layer.TYPED, "records").filter(outcome="quarantined")
        assert sorted(refused.select("record_id", "rule").rows()) == told, version


@pytest.mark.parametrize("name", RECORD_OF)
def test_every_row_says_which_version_it_came_in(lakes, name):
    for version, lake in lakes.items():
        rows = received(lake, name).filter(pl.col("connection_id") != "hub")
        assert rows.height > 10
        assert set(rows["ocpi_version"]) == {version}


@pytest.mark.parametrize("name", RECORD_OF)
@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_every_row_leads_back_to_the_bytes_that_it_came_in(lakes, version, name):
    """All rows, not a sample: each of its ids stands in the record as a whole text."""
    module, said = RECORD_OF[name]
    rows = received(lakes[version], name)
    if "module" not in rows.columns:
        rows = rows.with_columns(module=pl.lit(module))
    places = rows.select("connection_id", "module", "page_sha256", "page_position").rows()
    records = RawStore(lakes[version]).records(places)
    for row, record in zip(rows.iter_rows(named=True), records, strict=True):
        ids = [row[column].rsplit("*", 1)[-1] for column in said]
        assert set(ids) <= set(texts_in(json.loads(record))), (ids, record)
    assert set(rows["module"]) <= ({"tariffs", "cdrs"} if module is None else {module})


def test_only_our_own_price_lists_were_never_received(lakes):
    for lake in lakes.values():
        versions = lake.read(Layer.TYPED, "tariff_versions")
        never = versions.filter(pl.any_horizontal(pl.col(PLACE).is_null()))
        assert never.height
        assert_frame_equal(never, versions.filter(source="plan"))
        assert never.select(pl.col(PLACE).is_null().all()).row(0) == (True,) * len(PLACE)


@pytest.mark.parametrize("versions", [("2.1.1", "2.2.1"), ("2.2.1", "2.1.1"), ("2.2.1", "2.3.0"), ("2.3.0", "2.1.1")])
def test_a_peer_that_changes_its_version_is_accused_of_nothing(world, tmp_path, monkeypatch, versions):
    """The CDRs that are seen again, in the words of another version, are the same CDRs: none is changed."""
    accused = []
    for version in versions:
        with SandboxServer(world, versions=(version,)) as server:
            home = tmp_path if accused else new_home(world, tmp_path)
            settings = settings_for(server, home, monkeypatch, page_limit=200)
            lake, register = Lake(settings.lake), Register(settings.register)
            assert pull(settings, lake, register, connections=["ldw"], modules=["cdrs"], since=SINCE).failures == ()
        normalise(settings, lake)
        remember(settings, lake)
        codes = lake.read(Layer.TYPED, "protocol_violations").filter(module="cdrs")
        accused.append(sorted(codes.filter(pl.col("code").is_in(["cdr_changed", "second_body"]))["record_key"]))
    records = lake.read(Layer.TYPED, "records")
    again = records.filter(ocpi_version=versions[1])
    assert again.height > 20
    assert accused == [[], []]
    assert again.filter(pl.col("outcome") == "typed").is_empty()
    assert set(again.filter(outcome="duplicate")["rule"]) == {"same_claim"}
