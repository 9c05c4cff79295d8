select
    cdr_key,
    period_index,
    started_at,
    energy_kwh,
    charging_hours,
    parking_hours,
    reservation_hours,
    min_current_a,
    max_current_a,
    min_power_kw,
    max_power_kw,
    tariff_id,
    billing_month
from {{ source('typed', 'charging_periods') }}
