with line_cases as (
    select
        document_lines.document_id,
        document_lines.vat_country,
        document_lines.vat_category,
        document_lines.vat_rate_pct,
        max(charges.buyer_vat_id) as buyer_vat_id,
        bool_or(charges.vat_case = 'E3') as has_refundable_lines,
        bool_and(charges.vat_case = 'E3') as has_only_refundable_lines
    from {{ ref('stg_ledger__document_lines') }} as document_lines
    inner join {{ ref('stg_billed__charges') }} as charges on document_lines.charge_id = charges.charge_id
    group by
        document_lines.document_id, document_lines.vat_country, document_lines.vat_category, document_lines.vat_rate_pct
)

select
    vat.document_id,
    vat.vat_country,
    vat.vat_category,
    vat.vat_rate_pct,
    vat.taxable_amount,
    vat.vat_amount,
    vat.currency,
    line_cases.buyer_vat_id,
    vat.vat_category = 'AE' as is_reverse_charge,
    coalesce(line_cases.has_only_refundable_lines, false) as is_refundable,
    coalesce(line_cases.has_refundable_lines <> line_cases.has_only_refundable_lines, false) as is_mixed
from {{ ref('stg_ledger__document_vat') }} as vat
left join line_cases
    on
        vat.document_id = line_cases.document_id
        and vat.vat_country = line_cases.vat_country
        and vat.vat_category = line_cases.vat_category
        and vat.vat_rate_pct = line_cases.vat_rate_pct
