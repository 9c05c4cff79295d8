select
    contract_id,
    account_id,
    plan_id,
    driver_id,
    vehicle_id,
    cost_centre,
    valid_from,
    valid_to
from {{ source('master', 'contracts') }}
