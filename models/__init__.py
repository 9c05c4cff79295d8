"""What things are and what they cost.

Pure code: values and frames in, values and frames out. Nothing in this package opens a file, asks a clock, reads the
environment or imports Dagster, dbt, DuckDB or an HTTP client (`tests/architecture` and import-linter hold that wall).
"""
