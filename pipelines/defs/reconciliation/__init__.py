"""Matching, findings, verdicts and disputes."""
