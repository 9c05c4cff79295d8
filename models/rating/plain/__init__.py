"""The parts of the one-CDR reference (`models.rating.reference`), one CDR at a time in plain Python."""
