"""Pricing every claim again, on the wholesale side."""
