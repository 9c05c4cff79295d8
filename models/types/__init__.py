"""The vocabulary of the house: money, time, identifiers and the closed lists of words."""
