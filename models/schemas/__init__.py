"""The contracts: one Pandera model per Parquet hand-over, named after the table it describes.

A contract is strict (no unknown column) and never coerces: a frame that does not fit is an error, not a conversion.
`models/schemas/registry.py` lists them all; the intake, the asset checks and the dbt sources are held to that list.
"""
