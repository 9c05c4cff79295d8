"""Evidence packs: everything that a dispute of one CDR rests on, in one value that a CPO can check line by line.

`pack.py`, with `priced.py` and `found.py`, says what a pack is; `assembly.py` makes packs from the tables of a month;
`power.py` draws power over time from the charging periods; `discretion.py` keeps out what the CPO did not send itself;
`canonical.py` gives the bytes.
"""
