"""Billing: from a priced session to the content of an issued document. Pure; every rounding step has its place here.

The way of an amount: `selection` (which plan prices a session) -> the rating kernel -> `charges` (VAT decision per
line, net and gross rounded once) -> `assembly` (documents: VAT once per country, category and rate; numbers) ->
`canonical` (the bytes that are kept, and their hash). `invariants` recomputes an issued document from its own lines.
"""
