"""Whatever the records: each ends in exactly one outcome, and both sides of a match say the same."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reconciliation.matching import match
from models.reconciliation.outcomes import MonthOfRecords, record_outcomes
from models.schemas.registry import Layer, table
from tests.unit.reconciliation.roaming_world import rows_of

START = datetime(2026, 10, 24, 22, tzinfo=UTC)
MONTH = date(2026, 10, 1)
DAY = timedelta(days=1)

minutes = st.integers(0, 30)
tokens = st.sampled_from(["T1", "T2"])
references = st.sampled_from([None, "R1", "R2"])
names = st.sampled_from([None, "S0", "S1", "S2"])
cdrs = st.lists(st.tuples(minutes, tokens, references, names, st.sampled_from(["claim", "credit"])), max_size=6)
authorizations = st.lists(st.tuples(minutes, tokens, references, st.sampled_from(["ALLOWED", "BLOCKED"])), max_size=6)
sessions = st.lists(st.tuples(minutes, tokens, st.sampled_from(["COMPLETED", "INVALID", "ACTIVE"])), max_size=4)


def at(minute):
    return START + timedelta(minutes=minute)


def shared(minute):
    place = {"cpo_id": "DE*LDW", "location_id": "L1", "evse_uid": "E1", "billing_month": MONTH}
    return place | {"last_updated_at": at(minute), "received_at": START}


def records(drawn_cdrs, drawn_authorizations, drawn_sessions, days):
    """Make the three tables; everything was received `days` after it happened."""
    claims = [
        {"cdr_key": f"DE*LDW*C{n}", "cdr_id": f"C{n}", "token_uid": token, "authorization_reference": reference}
        | {"session_id": name, "started_at": at(minute), "ended_at": at(minute + 30), "is_credit": kind == "credit"}
        | {"credit_reference_id": "C0" if kind == "credit" else None, "total_cost_excl_vat": Decimal(1)}
        | shared(minute)
        | {"received_at": START + days * DAY}
        for n, (minute, token, reference, name, kind) in enumerate(drawn_cdrs)
    ]
    asked = [
        {"authorization_id": f"A{n}", "token_uid": token, "authorization_reference": reference, "result": result}
        | {"authorized_at": at(minute)}
        | shared(minute)
        for n, (minute, token, reference, result) in enumerate(drawn_authorizations)
    ]
    told = [
        {"session_key": f"DE*LDW*S{n}", "session_id": f"S{n}", "token_uid": token, "status": status}
        | {"started_at": at(minute), "ended_at": at(minute + 30)}
        | shared(minute)
        for n, (minute, token, status) in enumerate(drawn_sessions)
    ]
    rows = {"cdrs": claims, "authorizations": asked, "sessions": told}
    return {name: rows_of(Layer.TYPED, name, part) for name, part in rows.items()}


def outcomes_of(frames):
    cdrs, authorizations, sessions = (frames[name] for name in ("cdrs", "authorizations", "sessions"))
    matches = match(cdrs, cdrs.clear(), authorizations, pl.Series("taken", [], pl.String), sessions)
    month = MonthOfRecords(
        **frames,
        versions=table(Layer.TYPED, "tariff_versions").empty(),
        tokens=table(Layer.TYPED, "tokens").empty(),
        matches=matches,
        priced=pl.DataFrame(schema=dict.fromkeys(("cdr_key", "chosen_version_id", "own_version_id"), pl.String)),
        known_until=cdrs.select(pl.col("received_at").max()).item(),
    )
    return matches, record_outcomes(month)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(cdrs, authorizations, sessions, st.integers(0, 9))
def test_nothing_is_lost_and_nothing_is_used_twice(drawn_cdrs, drawn_authorizations, drawn_sessions, days):
    frames = records(drawn_cdrs, drawn_authorizations, drawn_sessions, days)
    matches, outcomes = outcomes_of(frames)
    counts = dict(outcomes.group_by("record_kind").len().iter_rows())
    told = {"cdr": "cdrs", "authorization": "authorizations", "session": "sessions"}
    assert counts == {kind: frames[name].height for kind, name in told.items() if frames[name].height}
    for partner, kind in (("authorization_id", "authorization"), ("session_key", "session")):
        forth = dict(matches.drop_nulls(partner).select(partner, "cdr_key").iter_rows())
        back = outcomes.filter(pl.col("record_kind") == kind).drop_nulls("cdr_key")
        assert len(forth) == matches[partner].drop_nulls().len()
        assert dict(back.select("record_key", "cdr_key").iter_rows()) == forth


@settings(max_examples=40, derandomize=True, deadline=None)
@given(cdrs, authorizations, sessions, st.integers(0, 9))
def test_what_has_no_partner_says_why(drawn_cdrs, drawn_authorizations, drawn_sessions, days):
    frames = records(drawn_cdrs, drawn_authorizations, drawn_sessions, days)
    _, outcomes = outcomes_of(frames)
    table(Layer.MATCHED, "record_outcomes").contract.validate(outcomes)
    matched = outcomes["outcome"].is_in(["by_reference", "by_token_window_location", "ambiguous"])
    is_cdr = outcomes["record_kind"] == "cdr"
    assert outcomes.filter(matched & ~is_cdr)["reason"].null_count() == (matched & ~is_cdr).sum()
    assert outcomes.filter(~matched)["reason"].null_count() == 0
    due = (
        outcomes.filter(pl.col("outcome").is_in(["missing_partner", "pending"]) & ~is_cdr)["outcome"].unique().to_list()
    )
    assert set(due) <= ({"missing_partner", "pending"} if days >= 7 else {"pending"})
