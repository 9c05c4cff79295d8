select
    contracts.contract_id,
    contracts.account_id,
    contracts.plan_id,
    contracts.driver_id,
    contracts.vehicle_id,
    contracts.cost_centre,
    drivers.name as driver_name,
    contracts.valid_from,
    contracts.valid_to
from {{ ref('stg_master__contracts') }} as contracts
left join {{ ref('stg_master__drivers') }} as drivers on contracts.driver_id = drivers.driver_id
