"""Every invariant, recomputed from the stores: what `roamledger verify` runs.

Each module takes stores and gives a list of breaches; nothing here repairs anything.
"""
