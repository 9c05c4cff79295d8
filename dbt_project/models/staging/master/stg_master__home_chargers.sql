select
    evse_id,
    driver_id,
    meter_id,
    basis,
    contract_price_per_kwh,
    currency,
    valid_from,
    valid_to
from {{ source('master', 'home_chargers') }}
