"""What looks through every page quickly finds exactly what a slow look finds."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from pipelines.lib.ocpi_client.redaction import Secrets, _is_beyond_ascii
from pipelines.lib.ocpi_client.sieve import SHORTEST, Sieve

TEXTS = st.lists(st.binary(min_size=SHORTEST, max_size=60), min_size=1, max_size=6)
FILLING = st.binary(max_size=80)


@given(TEXTS, st.data(), FILLING, FILLING)
def test_a_text_never_passes_the_sieve_wherever_it_stands(texts, data, before, after):
    assert Sieve(texts).may_hold(before + data.draw(st.sampled_from(texts)) + after)


@given(st.binary(min_size=SHORTEST, max_size=60), st.integers(0, 59), FILLING)
def test_a_page_without_any_word_of_a_text_passes(text, at, content):
    words = {text[start : start + 8] for start in range(8)}
    spared = all(content[start : start + 8] not in words for start in range(0, len(content) - 7, 8))
    assert Sieve([text]).may_hold(content) is not spared
    assert not Sieve([text]).may_hold(text[: min(at, 7)])


HIDES_ASCII = re.compile(rb"\\(?!u(?:00[89a-fA-F]|0[1-9a-fA-F]|[1-9a-fA-F])[0-9a-fA-F]{1,3})")
OF_UNICODE = [
    rb"\u00df",
    rb"\u0142",
    rb"\uD83D",
    rb"\u0041",
    rb"\u002f",
    rb"\u0070",
    rb"\u007f",
    rb"\u0080",
]
ESCAPES = st.lists(st.sampled_from([*OF_UNICODE, rb"\\", rb"\/", rb"\n", b"u00", b"ab"]))


@given(ESCAPES.map(b"".join).filter(lambda content: b"\\" in content))
def test_only_escapes_beyond_ascii_are_passed_over(content):
    assert _is_beyond_ascii(content) is (HIDES_ASCII.search(content) is None)


PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
TOKENS = st.lists(st.one_of(PRINTABLE, PRINTABLE, st.sampled_from(["%41", "&amp;", "\\u0041", "31"])), min_size=16)
TOKENS = TOKENS.map("".join).filter(lambda token: len(token) <= 64)
STREETS = st.lists(st.sampled_from(["Hafenstra\\u00dfe", "Krak\\u00f3w", "\\u0141", "A&B", "5%"]), max_size=3).map(
    " ".join
)


@given(TOKENS, st.data(), STREETS, STREETS)
def test_a_token_with_some_characters_as_escapes_of_json_is_kept_nowhere(token, data, before, after):
    escaped = data.draw(st.sets(st.integers(0, len(token) - 1), min_size=1))
    spelt = [f"\\u00{ord(char):02x}" if at in escaped else json.dumps(char)[1:-1] for at, char in enumerate(token)]
    page = f'{{"street": "{before}", "said": "{before}{"".join(spelt)}{after}", "city": "{after}"}}'
    assert token in json.loads(page)["said"]
    redacted = Secrets.of([token]).redacted(page.encode())
    assert token.encode() not in redacted
    kept = json.loads(redacted)
    assert all(token not in text for text in kept.values())
    assert (kept["street"], kept["city"]) == (json.loads(f'"{before}"'), json.loads(f'"{after}"'))


SECRETS = Secrets.of(["planted-token/of+ours", "short"])
SAID = st.one_of(
    st.text(max_size=20),
    st.sampled_from(SECRETS.spellings),
    st.tuples(st.text(max_size=9), st.sampled_from(SECRETS.spellings), st.text(max_size=9)).map("".join),
)


@given(st.dictionaries(st.text(max_size=3), SAID, max_size=5))
def test_values_are_scrubbed_at_once_as_they_are_alone(texts):
    assert SECRETS.scrubbed_values(texts) == {name: SECRETS.scrubbed(text) for name, text in texts.items()}
