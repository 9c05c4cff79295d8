"""What a user is told when something is theirs to mend: one line, no traceback."""


class UserError(Exception):
    """A fault in configuration or in a request: its text names the record or the setting and what to do.

    Bad rows are never errors; they become quarantine rows and outcome rows. The command line prints a `UserError` as
    one line and exits with 2; anything else is a defect of ours and keeps its traceback.
    """
