"""An escape that is half a character is replaced where JSON is decoded, so that no store meets it."""

from models.ocpi.exact_json import decode_json


def test_half_a_character_is_replaced_and_a_whole_one_is_kept():
    assert decode_json(rb'{"a\ud800": ["x\uDC00y", "\ud83d\ude00", 1]}') == {"a\ufffd": ["x\ufffdy", "\U0001f600", 1]}


def test_plain_text_is_left_alone():
    assert decode_json('{"id": "C-1 \u00e9", "word": "\\\\ud"}') == {"id": "C-1 \u00e9", "word": "\\ud"}
