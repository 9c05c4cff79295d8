select
    driver_id,
    account_id,
    name
from {{ source('master', 'drivers') }}
