"""The words of the documents, one catalogue a language, every catalogue complete by its type."""

from reports.labels.catalogue import Labels, UnknownLabelError
from reports.labels.choice import LANGUAGES, labels_for

__all__ = ["LANGUAGES", "Labels", "UnknownLabelError", "labels_for"]
