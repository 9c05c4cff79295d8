select
    cpo_id,
    name,
    country,
    currency,
    tolerance_amount,
    tolerance_pct,
    dispute_deadline_days,
    language,
    valid_from,
    valid_to,
    rating_policy,
    rule_thresholds
from {{ source('master', 'agreements') }}
