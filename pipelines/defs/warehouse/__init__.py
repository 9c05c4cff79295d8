"""The area `warehouse`: dbt's models as assets, and their publication."""
