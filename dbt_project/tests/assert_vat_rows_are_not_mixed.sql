{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_vat'}}}) }}
-- A VAT row is refundable as a whole or not at all, else the refundable amount could not be told from the document.
select
    document_id,
    vat_country,
    vat_category,
    vat_rate_pct
from {{ ref('fct_invoice_vat') }}
where is_mixed
