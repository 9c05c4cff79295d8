"""Working disputes: what moves cases by itself, and what people decide.

`recording.py` turns verdicts, credits and time into events; `decisions.py` applies what people decide, one line after
the other; `decision_files.py` reads many of them from a CSV; `selection.py` is how lists and exports are filtered.
"""
