"""Sessions and authorizations in the warehouse: each with the record that said so, and nobody's home among them."""

import duckdb
import pytest

PLACE = "connection_id, ocpi_version, page_sha256, page_position"


@pytest.mark.parametrize(
    ("mart", "key", "positions"),
    [
        ("fct_sessions", "session_id", {"S-DE*SWM*EHOME1": 0, "S2": 1}),
        ("fct_authorizations", "authorization_id", {"A1": 2, "A2": 3, "A3": 4}),
    ],
)
def test_a_row_names_its_record(ask, mart, key, positions):
    rows = ask(f"select {key} as name, {PLACE} from {mart}")  # noqa: S608 - names of our own marts
    assert {row["name"]: row["page_position"] for row in rows} == positions
    assert {tuple(row.values())[1:4] for row in rows} == {("swm", "2.2.1", "a" * 64)}


def test_cdrs_and_connectors_name_theirs(ask):
    (row,) = ask(f"select {PLACE} from fct_cdrs where cdr_id = 'C5'")  # noqa: S608 - names of our own marts
    assert list(row.values()) == ["ldw", "2.2.1", "p" * 64, 4]
    (row,) = ask(f"select {PLACE} from dim_connectors")  # noqa: S608 - names of our own marts
    assert list(row.values()) == ["swm", "2.1.1", "c" * 64, 7]


def test_analysts_see_where_a_session_was_unless_somebody_lives_there(published):
    with duckdb.connect(str(published[1].published.analytics), read_only=True) as con:
        sessions = con.sql("select * from fct_sessions order by page_position").pl().to_dicts()
        authorizations = con.sql("select * from fct_authorizations order by page_position").pl().to_dicts()
    home, public = sessions
    assert (public["session_key"], public["location_id"], public["evse_uid"]) == ("DE*SWM*S2", "LOC1", "EVSE-UID-1")
    assert all(len(home[name]) == 16 for name in ("session_key", "session_id", "location_id", "evse_uid"))
    assert [row["is_home_charging"] for row in authorizations] == [True, False, False]
    assert [row["location_id"] for row in authorizations[1:]] == ["LOC1", None]
    assert {len(row[name]) for row in sessions + authorizations for name in ("token_uid", "contract_id")} == {16}
