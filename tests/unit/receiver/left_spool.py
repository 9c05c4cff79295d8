"""A spool as a receiver that was killed leaves it, without the second that it takes to start one and kill it."""

import json
from datetime import UTC, datetime

from pipelines.lib.intake.readers import canonical_of
from pipelines.receiver.entries import Entry, one_line
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.spool import SegmentWriter

ACKNOWLEDGED_AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


def leave(home, record):
    """Leave one acknowledged CDR of the connection `ldw`, and half a line for which nobody was answered."""
    folder, body = home / "receiver", json.dumps(record).encode()
    writer = SegmentWriter(folder / "spool", ObjectIndex(folder / "objects.sqlite"), lambda: ACKNOWLEDGED_AT)
    writer.write(
        [
            Entry(
                sequence=1,
                received_at=ACKNOWLEDGED_AT,
                connection_id="ldw",
                module="cdrs",
                ocpi_version="2.2.1",
                owner_id=None,
                method="POST",
                path="/ocpi/2.2.1/cdrs",
                key=f"DE*LDW*{record['id']}",
                sha256=canonical_of(body),
                record=one_line(body),
            )
        ]
    )
    (segment,) = (folder / "spool").glob("*.open")
    segment.write_bytes(segment.read_bytes() + b'{"sequence": 2, "rec')
    return segment
