"""Token risk: what the use of a token in a window says about it, as signals, a score, and an action to recommend.

`thresholds.py` has what is tolerated, `activity.py` what is looked at, `signal.py` what a signal is; the signals stand
in `using.py`, `entitlement.py`, `spikes.py` and `places.py`, and `scoring.py` adds them up. Nothing here blocks a
token: people do, with `roamledger tokens`.
"""
