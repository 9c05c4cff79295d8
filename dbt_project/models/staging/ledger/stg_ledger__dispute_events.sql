select
    case_id,
    event_index,
    cdr_key,
    cpo_id,
    kind,
    rule_ids,
    reason,
    amount_at_stake,
    currency,
    deadline_on,
    actor,
    happened_at,
    billing_month
from {{ source('ledger', 'dispute_events') }}
