select
    plan_id,
    name,
    is_gross_price_list,
    monthly_fee,
    fee_basis,
    currency,
    valid_from,
    valid_to
from {{ source('master', 'plans') }}
