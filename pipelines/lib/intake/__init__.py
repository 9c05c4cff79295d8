"""Intake: from the peers' pages to the typed tables, nothing lost and nothing twice.

* `pull.py` asks every peer for what is new: `connection_pull.py` one of them, `crawl.py` one list, `page_keeper.py`
  keeps its pages as they came;
* `landing.py` reads each pull's pages once, into rows beside their raw records;
* `files/` loads files instead, under the same contracts, and `drops/` those that were dropped;
* `outcomes.py` decides over all pulls what became of each record: typed, quarantined or duplicate (`deciding.py` looks
  up what it needs for that);
* `normalise.py` builds the typed tables from that, rewriting only the months that changed (`touched_months.py`):
  `typed_tables.py` makes them of `landed_rows.py`, with `location_zones.py` and `tariff_tables.py`;
* `history.py` makes what was known when of the same pages: histories (`stated.py`), the lint of tariffs (`lint.py`),
  breaches of the protocol (`violations.py`), unknown fields (`unknown.py`) and freshness (`freshness.py`).

Nothing is imported here: a process that lands a part of a file would wait for the client and the register as well.
"""
