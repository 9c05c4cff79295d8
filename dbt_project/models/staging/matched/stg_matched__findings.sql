select
    cdr_key,
    rule_id,
    rule_name,
    severity,
    message,
    expected,
    found,
    amount_at_stake,
    currency,
    billing_month
from {{ source('matched', 'findings') }}
