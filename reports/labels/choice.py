"""Which catalogue a document gets."""

from typing import Final

from reports.labels.catalogue import Labels
from reports.labels.dutch import DUTCH
from reports.labels.english import ENGLISH
from reports.labels.french import FRENCH
from reports.labels.german import GERMAN

LANGUAGES: Final = {"de": GERMAN, "en": ENGLISH, "fr": FRENCH, "nl": DUTCH}
"""Catalogues by ISO 639 code, as it stands in a document's `language`."""


def labels_for(language: str) -> Labels:
    """Give the catalogue of a language, English for one that we do not speak: Art. 231 leaves the language free."""
    return LANGUAGES.get(language, ENGLISH)
