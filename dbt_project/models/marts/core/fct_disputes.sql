select
    case_id,
    cdr_key,
    cpo_id,
    state,
    rule_ids,
    reason,
    events,
    currency,
    amount_at_stake,
    is_open,
    deadline_on,
    opened_at,
    changed_at,
    billing_month
from {{ ref('int_disputes_folded') }}
