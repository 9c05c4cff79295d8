{{ config(meta={'dagster': {'ref': {'name': 'fct_invoices'}}}) }}
-- Every invoice adds up from below: nets of its lines = net total = bases of its VAT rows, VAT rows = VAT total, and
-- under a gross price list the printed prices of the lines = total.
with lines as (
    select
        document_id,
        sum(net_amount) as net_amount,
        case when count(*) = count(gross_amount) then sum(gross_amount) end as gross_amount
    from {{ ref('fct_invoice_lines') }}
    group by document_id
),

vat as (
    select
        document_id,
        sum(taxable_amount) as taxable_amount,
        sum(vat_amount) as vat_amount
    from {{ ref('fct_invoice_vat') }}
    group by document_id
)

select
    invoices.document_id,
    invoices.net_total,
    lines.net_amount,
    vat.taxable_amount,
    invoices.vat_total,
    vat.vat_amount,
    invoices.total,
    lines.gross_amount
from {{ ref('fct_invoices') }} as invoices
left join lines on invoices.document_id = lines.document_id
left join vat on invoices.document_id = vat.document_id
where
    lines.net_amount is distinct from invoices.net_total
    or vat.taxable_amount is distinct from invoices.net_total
    or vat.vat_amount is distinct from invoices.vat_total
    or lines.gross_amount <> invoices.total
