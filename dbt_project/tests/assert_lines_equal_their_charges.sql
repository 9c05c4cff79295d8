{{ config(meta={'dagster': {'ref': {'name': 'fct_invoice_lines'}}}) }}
-- Every invoice line bills one charge at the charge's own net, gross, country, category and rate, and no charge twice:
-- the sum of billed charges is the sum of invoice lines, line by line.
with lines as (
    select
        *,
        count(*) over (partition by charge_id) as times_billed
    from {{ ref('fct_invoice_lines') }}
)

select
    lines.document_id,
    lines.line_number,
    lines.charge_id,
    lines.net_amount,
    charges.net_amount as charge_net_amount,
    lines.times_billed
from lines
left join {{ ref('fct_charges') }} as charges on lines.charge_id = charges.charge_id
where
    charges.charge_id is null
    or charges.outcome <> 'billable'
    or lines.times_billed > 1
    or lines.net_amount is distinct from charges.net_amount
    or lines.gross_amount is distinct from charges.gross_amount
    or lines.currency <> charges.currency
    or lines.vat_country is distinct from charges.vat_country
    or lines.vat_category is distinct from charges.vat_category
    or lines.vat_rate_pct is distinct from charges.vat_rate_pct
