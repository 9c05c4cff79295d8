select
    case_id,
    event_index,
    cdr_key,
    cpo_id,
    kind,
    reason,
    currency,
    amount,
    deadline_on,
    related_cdr_key,
    actor,
    happened_at,
    recorded_at,
    billing_month
from {{ ref('stg_ledger__dispute_events') }}
