select
    plan_id,
    name as plan_name,
    fee_basis,
    currency,
    monthly_fee,
    is_gross_price_list,
    valid_from,
    valid_to
from {{ ref('stg_master__plans') }}
