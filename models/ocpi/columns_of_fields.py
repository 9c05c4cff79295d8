"""Which columns the parts of a CDR become, for the careful reader and for the plain lane alike."""

from typing import Final

DIMENSION_COLUMNS: Final = {
    "ENERGY": "energy_kwh",
    "TIME": "charging_hours",
    "PARKING_TIME": "parking_hours",
    "RESERVATION_TIME": "reservation_hours",
    "MIN_CURRENT": "min_current_a",
    "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw",
    "MAX_POWER": "max_power_kw",
}
"""columns of charging periods by the dimension that they hold (CdrDimensionType, 10.4.3)"""

UNPRICED_DIMENSIONS: Final = frozenset(
    {"FLAT", "CURRENT", "POWER", "STATE_OF_CHARGE", "ENERGY_EXPORT", "ENERGY_IMPORT"}
)
"""Known to OCPI and without any part in a price: FLAT of 2.1.1, and what only Sessions should carry."""

PRICE_FIELDS: Final = {
    "total_cost": "total_cost",
    "energy_cost": "total_energy_cost",
    "time_cost": "total_time_cost",
    "parking_cost": "total_parking_cost",
    "fixed_cost": "total_fixed_cost",
    "reservation_cost": "total_reservation_cost",
}
"""pairs of columns `<name>_excl_vat`, `<name>_incl_vat` and the field that they come from"""
