select
    token_uid,
    token_type,
    contract_id,
    score,
    signal_ids,
    reasons,
    not_checked,
    recommended_action,
    sessions,
    authorizations,
    energy_kwh,
    last_used_at,
    billing_month
from {{ source('matched', 'token_risks') }}
