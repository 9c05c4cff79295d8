select
    connection_id,
    module,
    outcome,
    rule,
    count(*) as records,
    min(received_at) as first_seen_at,
    max(received_at) as last_seen_at
from {{ ref('stg_typed__records') }}
group by connection_id, module, outcome, rule
