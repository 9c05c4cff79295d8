select
    document_id,
    document_number,
    series,
    sequence,
    parent_document_id,
    legal_entity_id,
    account_id,
    currency,
    seller_vat_id,
    net_total,
    vat_total,
    rounding_amount,
    total,
    content_sha256,
    issued_on,
    due_on,
    billing_month
from {{ ref('stg_ledger__documents') }}
where kind = 'invoice'
