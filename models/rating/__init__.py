"""The tariff rules of OCPI: a vectorised kernel, a one-CDR reference that it is held to, and the explanation."""
