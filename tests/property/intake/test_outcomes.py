"""What became of a record does not depend on the short way that is taken for records that are alone."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.lib.intake.landing import PULL_COLUMNS, RECORD_SCHEMA
from pipelines.lib.intake.outcomes import RECEIVED_ORDER, _decided_together, decided

AT = datetime(2026, 10, 12, tzinfo=UTC)
KEYS = st.sampled_from([None, "DE*LDW*A", "DE*LDW*B", "DE*LDW*C", "DE*LDW*D"])


@st.composite
def records(draw):
    """A record of one of few objects, in one of few spellings, of which some cannot be read."""
    module, key = draw(st.sampled_from(["cdrs", "sessions"])), draw(KEYS)
    rule = draw(st.sampled_from([None, None, "wrong_type"]))
    content = draw(st.sampled_from("xyz"))
    return {
        "page_sha256": "p" * 64,
        "record_id": key,
        "record_key": key,
        "content_sha256": content,
        "rule": rule,
        "reason": rule and "expected a text",
        "record_json": rule and "{}",
        "at": AT,
        "last_updated_at": AT,
        "received_at": AT,
        "connection_id": draw(st.sampled_from(["hub", "ldw"])),
        "module": module,
        "ocpi_version": "2.2.1",
        "pull_id": draw(st.sampled_from(["1", "2"])),
    }


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(records(), max_size=12))
def test_records_that_are_alone_are_decided_as_all_together_are(found):
    schema = dict(RECORD_SCHEMA) | dict.fromkeys(PULL_COLUMNS, pl.String)
    placed = [record | {"sequence": 0, "page_position": position} for position, record in enumerate(found)]
    received = pl.DataFrame(placed, schema=schema).sort(RECEIVED_ORDER)
    canonical, retellings = {"y": "x"}, {("DE*LDW*A", "z"), ("DE*LDW*B", "x")}
    together = _decided_together(received, canonical, retellings)
    assert_frame_equal(decided(received, canonical, retellings), together)
    cdrs = together.filter(pl.col("module") == "cdrs", pl.col("record_key").is_not_null(), outcome="typed")
    assert cdrs["record_key"].is_unique().all()
    readable = received.filter(pl.col("module") == "cdrs", pl.col("rule").is_null())["record_key"].drop_nulls()
    assert set(cdrs["record_key"]) == set(readable)


@pytest.mark.parametrize(("key", "rule"), [(None, None), ("DE*LDW*A", "wrong_type")], ids=["unnamed", "refused"])
def test_only_an_object_that_could_be_read_is_gone_back_to(key, rule):
    """Of what has no name or no sense nobody knows how things are: to say it again is to say nothing new."""
    schema = dict(RECORD_SCHEMA) | dict.fromkeys(PULL_COLUMNS, pl.String)
    facts = {"module": "sessions", "connection_id": "ldw", "pull_id": "1", "sequence": 0, "record_key": key}
    said = [facts | {"content_sha256": each, "rule": rule, "page_position": at} for at, each in enumerate("xyx")]
    assert decided(pl.DataFrame(said, schema=schema))["outcome"].to_list()[-1] == "duplicate"
