"""One bound for the depth of JSON, whatever stands in its texts and however much stack is left."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ocpi.envelope import read_data, read_names_on, read_page, read_status
from models.ocpi.exact_json import decode_json
from models.ocpi.fields import Fields
from models.ocpi.nesting import DEEPEST, is_deeper, shallow
from models.ocpi.problems import RecordProblem

DEPTHS = (DEEPEST + 1, 500, *range(970, 1001), 5_000, 100_000)
JSON = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('[]{}",:\\ä')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('[]{}"\\')), inner, max_size=3),
)


def nested(depth):
    """Lists and objects by turns, with brackets and escapes in their texts."""
    return b'{"a]\\"}":["}",' * (depth // 2) + b"[" * (depth % 2) + b"1" + b"]" * (depth % 2) + b"]}" * (depth // 2)


def depth_of(value):
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(JSON, st.integers(0, 6), st.sampled_from([None, 2]))
def test_depth_is_that_of_the_decoded_value(value, most, indent):
    assert is_deeper(json.dumps(value, indent=indent).encode(), most) == (depth_of(value) > most)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_record_that_nests_too_deep_is_cut_out_as_it_was_sent(depth):
    deep = b'{"id":"D","x":' + nested(depth) + b"}"
    records = [b'{"id":"A"}', deep, b'{"id":"B","n":1.50}', b"[" + deep + b"]"]
    listed = b",\n".join(records)
    answer = b'\xef\xbb\xbf{"status_code":1000,"data":[' + listed + b'],"y":' + nested(depth) + b"}"
    assert read_page(answer, "envelope") == records
    assert read_page(b"[" + listed + b"]", "json_array") == records
    assert [each.id for each in read_names_on(answer)] == ["A", "D", "B", None]
    assert read_status(answer).is_success
    assert read_data(b'{"status_code":1000,"data":' + deep + b"}") == deep


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_name_that_nests_too_deep_is_no_text(depth):
    names = read_names_on(b'{"status_code":1000,"data":[{"id":"T","type":' + nested(depth) + b"}]}")
    assert names[0].id == "T"
    assert not isinstance(names[0].type, str)


def test_what_never_ends_is_no_page():
    with pytest.raises(RecordProblem) as caught:
        read_page(b'{"status_code":1000,"data":[1,' + b"[" * 5_000, "envelope")
    assert caught.value.rule == "not_json"


def test_what_is_shallow_stays_and_what_is_not_becomes_so():
    assert shallow(nested(DEEPEST)) == nested(DEEPEST)
    assert not is_deeper(shallow(nested(DEEPEST + 3)), DEEPEST + 1)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_value_that_nests_too_deep_is_refused_by_the_exact_reader(depth):
    with pytest.raises(RecordProblem, match=f"at most {DEEPEST} levels"):
        decode_json(nested(depth))


def test_a_value_beyond_all_reason_can_still_be_named():
    value = []
    for _ in range(3_000):
        value = [value]
    with pytest.raises(RecordProblem, match="found something nested beyond all reason"):
        Fields("cdr", {"id": value}).text("id")
