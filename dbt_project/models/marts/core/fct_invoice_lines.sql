select
    document_lines.document_id,
    document_lines.line_number,
    document_lines.charge_id,
    document_lines.cdr_key,
    invoices.account_id,
    document_lines.vat_country,
    document_lines.vat_category,
    document_lines.vat_rate_pct,
    document_lines.currency,
    document_lines.net_amount,
    document_lines.gross_amount,
    invoices.billing_month
from {{ ref('stg_ledger__document_lines') }} as document_lines
inner join {{ ref('stg_ledger__documents') }} as invoices on document_lines.document_id = invoices.document_id
where invoices.kind = 'invoice'
