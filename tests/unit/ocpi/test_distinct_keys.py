"""A key given twice in one object is refused by every reader, and nothing else is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ocpi.distinct_keys import has_distinct_keys, keys_in, most_keys
from models.ocpi.exact_json import decode_json
from models.ocpi.problems import RecordProblem
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from pipelines.lib.intake.readers.decoding import decoded_record
from tests.property.intake.test_mutated_records import AT, COUNTRIES, SEEDS

TEXT = st.text(st.sampled_from('":\\ \n{}[],ä'), max_size=4)
JSON = st.recursive(TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(JSON, st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",\n", "\t:\r\n")]), st.booleans())
def test_distinct_keys_are_distinct_however_they_are_written(value, separators, ascii_only):
    written = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    assert most_keys(written) >= keys_in(value)
    assert has_distinct_keys(written)


@pytest.mark.parametrize("reader", [decode_json, decoded_record])
def test_every_reader_refuses_a_key_given_twice_in_the_same_words(reader):
    with pytest.raises(RecordProblem) as caught:
        reader(b'{"a":[{"price" :1,"x":"\\":","pri\\u0063e":2}]}')
    assert caught.value.rule == "not_json"
    assert caught.value.message == "expected JSON, found the key 'price' more than once in an object"


@pytest.mark.parametrize("module", SEEDS)
def test_a_record_with_a_key_given_twice_is_quarantined_in_every_module(module):
    good = json.dumps(SEEDS[module]).encode()
    twice = good.replace(b'"last_updated": ', b'"last_updated": null, "last_updated": ')
    batch = Batch(module, READERS[module](COUNTRIES))
    page = b'{"status_code":1000,"data":[' + twice + b"," + good + b"]}"
    batch.add_page(PageContext(0, "f" * 64, AT, "2.2.1", "DE*LDW"), page)
    batch.read()
    assert [row[6] for row in batch.records if row[6]] == ["not_json"]
    assert len(batch.records) + sum(map(len, batch.plain)) == 2
