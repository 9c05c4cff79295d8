"""What is wrong with one OCPI record: a value for the quarantine table, never a crash."""


class RecordProblem(Exception):  # noqa: N818 - a problem of one record is an ordinary outcome, not a failure of ours
    """One record that cannot be read.

    `rule` is a short code (`missing_field`, `wrong_type`, `unknown_currency`, `number_out_of_range`, ...), `field` the
    path inside the record (`elements[0].price_components[1].price`), `message` the sentence that names the record, what
    was expected and what was found, with the digits as they were sent.
    """

    def __init__(self, rule: str, field: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.field = field
        self.message = message
