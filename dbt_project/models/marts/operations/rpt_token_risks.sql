select
    token_uid,
    token_type,
    billing_month,
    contract_id,
    account_id,
    score,
    recommended_action,
    signal_ids,
    reasons,
    not_checked,
    sessions,
    authorizations,
    energy_kwh,
    last_used_at
from {{ ref('int_token_risks_explained') }}
where score > 0
