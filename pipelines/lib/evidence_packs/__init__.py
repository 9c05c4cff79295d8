"""Evidence packs of a home: what they are made from, and the files that they become.

`reading.py` reads lake, raw store and register; `writing.py` puts JSON and PDF into the documents folder.
"""
