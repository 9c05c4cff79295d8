select
    billing_month,
    as_of,
    closed_at,
    inputs_sha256,
    outputs_sha256,
    documents
from {{ source('ledger', 'closes') }}
