"""Every language of the letters has every text, and fills in nothing that nobody gives."""

import string

import msgspec
import pytest

from models.reconciliation.letters import LANGUAGES, language_of
from models.reconciliation.rules.catalogue import catalogue
from reports.letter_texts import LetterText, letter_text

GIVEN = {
    "subject": {"period", "cpo"},
    "intro": {"name", "cpo", "count", "period"},
    "sum_line": {"currency", "claimed", "at_stake", "held"},
    "unknown_amounts": {"count"},
    "attachment": {"file"},
    "consequence": {"days"},
}


def fields_of(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_nine_languages_are_spoken():
    assert sorted(LANGUAGES) == ["da", "de", "en", "es", "fr", "it", "nl", "pl", "sv"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_of_the_catalogue_has_one_sentence(language):
    rules = letter_text(language).rules
    assert sorted(rules) == sorted(rule.rule_id for rule in catalogue())
    assert len(set(rules.values())) == len(rules), "two rules read alike"
    for rule_id, sentence in rules.items():
        assert sentence.strip().endswith("."), rule_id
        assert not fields_of(sentence), rule_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_fill_in_what_is_given(language):
    text = letter_text(language)
    assert {name: fields_of(getattr(text, name)) for name in GIVEN} == GIVEN
    assert fields_of(text.labels.answer_within) == {"days"}
    assert all(word.strip() for word in msgspec.to_builtins(text.labels).values())
    assert sorted(text.units) == ["% of the total excl. VAT", "days", "sessions"]


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_no_sentence_is_left_in_english(language):
    english, own = letter_text("en"), letter_text(language)
    assert not set(english.rules.values()) & set(own.rules.values())
    assert own.request != english.request


def test_a_language_that_lacks_a_text_is_refused():
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        msgspec.convert({"locale": "en_GB"}, LetterText)


@pytest.mark.parametrize(
    ("agreed", "cpo", "language"),
    [
        ("fr", "DE*LDW", "fr"),
        ("DE-at", "NL*ABC", "de"),
        ("fi", "SE*ABC", "sv"),
        (None, "DK*ABC", "da"),
        (None, "AT*ABC", "de"),
        ("", "FI*ABC", "en"),
    ],
)
def test_language_is_the_agreements_then_the_countrys_then_english(agreed, cpo, language):
    assert language_of(agreed, cpo) == language
