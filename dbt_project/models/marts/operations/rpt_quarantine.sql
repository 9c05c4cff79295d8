select
    connection_id,
    module,
    outcome,
    rule,
    records,
    first_seen_at,
    last_seen_at
from {{ ref('int_records_counted') }}
where outcome <> 'typed'
