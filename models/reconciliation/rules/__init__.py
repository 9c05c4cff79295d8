"""The rules that hold a CDR against what is known: one small function each, behind one protocol.

`rule.py` has the protocol, the other modules have the rules by what they look at, and `catalogue.py` lists them all.
A new rule is a function with the decorator and one entry in the catalogue.
"""
