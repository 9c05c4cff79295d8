select
    vehicle_id,
    account_id,
    plate,
    model,
    battery_kwh
from {{ ref('stg_master__vehicles') }}
