select
    connection_id,
    module,
    ocpi_version,
    pull_id,
    page_sha256,
    page_position,
    record_id,
    record_key,
    content_sha256,
    outcome,
    rule,
    received_at
from {{ source('typed', 'records') }}
