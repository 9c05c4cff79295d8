"""Reading the pages of one module: every record becomes a row, or one quarantine record with rule and reason.

A reader gathers canonical values of one batch of pages and turns them into columns at the end; an unreadable record
costs nobody but itself. `batch.py` goes through pages, `cdrs.py`, `tariffs.py` and `modules.py` read the records of
each module as `reader.py` asks for, `decoding.py` knows JSON and hashes.
"""

from pipelines.lib.intake.readers.batch import PAGE, Batch, RecordRow
from pipelines.lib.intake.readers.decoding import DECODE, canonical_of, canonical_sha256, spelled_sha256
from pipelines.lib.intake.readers.modules import READERS
from pipelines.lib.intake.readers.reader import PageContext

__all__ = [
    "DECODE",
    "PAGE",
    "READERS",
    "Batch",
    "PageContext",
    "RecordRow",
    "canonical_of",
    "canonical_sha256",
    "spelled_sha256",
]
