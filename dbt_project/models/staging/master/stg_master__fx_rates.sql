select
    rate_date,
    currency,
    units_per_eur,
    eur_per_unit,
    source
from {{ source('master', 'fx_rates') }}
