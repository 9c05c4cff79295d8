"""When and where: the only package that knows Dagster, dbt, DuckDB, HTTP and disks."""
