"""Every word in every language, and none that the templates lack."""

import re
from dataclasses import fields

import pytest

from models.types.vocabularies import ReimbursementBasis
from reports.labels import LANGUAGES, Labels, UnknownLabelError, labels_for
from reports.logos import PACKAGE

NAMES = [field.name for field in fields(Labels)]
PLACEHOLDER = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_is_empty_and_placeholders_match_the_english_ones(language):
    for name in NAMES:
        label, english = getattr(LANGUAGES[language], name), getattr(LANGUAGES["en"], name)
        assert label.strip(), f"{language}.{name}"
        assert sorted(PLACEHOLDER.findall(label)) == sorted(PLACEHOLDER.findall(english)), f"{language}.{name}"


def test_the_templates_ask_only_for_labels_that_exist():
    asked = set()
    for template in (PACKAGE / "templates").rglob("*.j2"):
        # `text.labels` are those of the letters, which a struct of their own refuses to lack.
        asked |= set(re.findall(r"(?<![.\w])(?:labels|english)\.(\w+)", template.read_text()))
    assert asked - {"coded"} <= set(NAMES)
    assert len(asked) > 50


def test_codes_of_documents_have_words_in_every_language():
    codes = [("price", code) for code in ("energy", "charging_time", "parking_time", "flat", "reservation", "limit")]
    codes += [("basis", str(basis)) for basis in ReimbursementBasis]
    codes += [("note", "refund_hint_2008_9")]
    assert {labels.coded(*code) for labels in LANGUAGES.values() for code in codes}


def test_an_unknown_code_names_itself_and_the_remedy():
    with pytest.raises(UnknownLabelError, match=r"note code 'free_lunch' has no label: add `note_free_lunch`"):
        labels_for("de").coded("note", "free_lunch")


def test_a_language_that_is_not_spoken_is_answered_in_english():
    assert labels_for("da") is LANGUAGES["en"]
