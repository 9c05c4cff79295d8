select
    vat.document_id,
    vat.vat_country,
    vat.vat_category,
    vat.vat_rate_pct,
    invoices.account_id,
    invoices.document_number,
    invoices.seller_vat_id,
    vat.buyer_vat_id,
    vat.currency,
    vat.taxable_amount,
    vat.vat_amount,
    vat.is_reverse_charge,
    vat.is_refundable,
    vat.is_mixed,
    invoices.billing_month
from {{ ref('int_invoice_vat_classified') }} as vat
inner join {{ ref('stg_ledger__documents') }} as invoices on vat.document_id = invoices.document_id
