"""Finished numbers to documents. Nothing in here adds an amount up, reads a store or knows Dagster."""
