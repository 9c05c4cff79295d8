"""Checking CPO invoices: reading the file (`records.py`, `tables.py`, `ubl.py`), and holding it against the stores."""
