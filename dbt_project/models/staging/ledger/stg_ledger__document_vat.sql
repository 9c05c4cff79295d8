select
    document_id,
    vat_country,
    vat_category,
    vat_rate_pct,
    taxable_amount,
    vat_amount,
    currency
from {{ source('ledger', 'document_vat') }}
