select
    violation_id,
    connection_id,
    module,
    record_key,
    code,
    path,
    content_sha256,
    page_sha256,
    page_position,
    other_connection_id,
    other_content_sha256,
    other_page_sha256,
    other_page_position,
    sentence,
    received_at
from {{ source('typed', 'protocol_violations') }}
