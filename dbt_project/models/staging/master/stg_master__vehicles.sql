select
    vehicle_id,
    account_id,
    plate,
    model,
    battery_kwh
from {{ source('master', 'vehicles') }}
