"""Dagster definitions, one folder an area; `pipelines/definitions.py` loads them and holds nothing else."""
