"""What stops an issue: facts missing from the books that no default may stand in for."""


class BillingProblem(Exception):  # noqa: N818 - the house calls what a person must mend a problem
    """A document cannot be assembled; the text names the record and what to load or correct."""
