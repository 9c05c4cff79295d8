"""Files instead of a peer: given by `roamledger load`, or dropped (`intake/drops`).

* `loading.py` loads one file, whichever it is, and says what became of it (`report.py`);
* `formats.py` cuts it into records: NDJSON, JSON, an OCPI envelope, or CSV (`csv_rows.py`), also packed with gzip;
* `blocks.py` and `block_parts.py` take a large NDJSON file in blocks of whole lines, each landed while it is stored;
* `stamp.py` tells whether it was changed meanwhile.
"""
