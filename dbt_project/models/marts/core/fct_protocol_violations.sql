select
    connection_id,
    module,
    code,
    count(*) as violations,
    count(distinct record_key) as broken_objects,
    min(received_at) as first_seen_at,
    max(received_at) as last_seen_at
from {{ ref('stg_typed__protocol_violations') }}
group by connection_id, module, code
