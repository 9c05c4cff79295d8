"""Exhibits: one planted case per fault that a reconciliation rule must find, and per true session that looks like one.

`case.py` makes an honest session with a card and a plug of its own, so that no exhibit disturbs another; `faults.py`,
`price_faults.py` and `credit_cdrs.py` spoil it, a function per rule; `negatives.py` has the true sessions that must not
be taken for faults; `plan.py` chooses how many of each. What each CDR must be found for, and what it must not, is said
beside the fault. Nothing here knows how the product finds it.
"""
