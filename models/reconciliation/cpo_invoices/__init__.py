"""CPO invoices: what an operator asks to be paid, held against the CDRs that we accepted from it.

`invoice.py` is the one shape of an invoice, whatever file it came in; `check.py` gives every line its outcome, and
`totals.py` adds up what is payable and what is to be disputed.
"""
