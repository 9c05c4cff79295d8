select
    document_id,
    line_number,
    charge_id,
    cdr_key,
    net_amount,
    gross_amount,
    vat_country,
    vat_category,
    vat_rate_pct,
    currency
from {{ source('ledger', 'document_lines') }}
