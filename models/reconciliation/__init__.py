"""CDR against authorization: matching, rules, verdicts and disputes."""
