select
    connection_id,
    module,
    last_pull_at,
    pulled_until,
    last_push_at,
    last_record_at,
    newest_update_at,
    lag_seconds,
    pulls,
    failed_pulls,
    records,
    quarantined_records,
    failed_pulls_pct,
    quarantined_pct,
    last_failure
from {{ ref('stg_typed__freshness') }}
