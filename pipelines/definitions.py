"""The code location: loads `defs/` and holds nothing else (`dagster dev` and `dg` read it through pyproject.toml)."""

from pathlib import Path

from dagster import Definitions, definitions, load_from_defs_folder


@definitions
def defs() -> Definitions:
    """Load every definition below `pipelines/defs`."""
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
