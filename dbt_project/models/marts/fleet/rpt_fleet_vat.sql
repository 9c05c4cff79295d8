with fleets as (
    select
        account_id,
        account_name
    from {{ ref('dim_customers') }}
    where account_kind = 'business'
)

select
    vat.account_id,
    vat.billing_month,
    vat.vat_country,
    vat.seller_vat_id,
    vat.vat_category,
    vat.vat_rate_pct,
    vat.currency,
    max(fleets.account_name) as account_name,
    max(vat.buyer_vat_id) as buyer_vat_id,
    {{ listed('vat.document_number') }} as document_numbers,
    cast(sum(vat.taxable_amount) as decimal(18, 2)) as net_amount,
    cast(sum(vat.vat_amount) as decimal(18, 2)) as vat_amount,
    cast(sum(vat.taxable_amount + vat.vat_amount) as decimal(18, 2)) as gross_amount,
    cast(sum(case when vat.is_reverse_charge then vat.taxable_amount else 0 end) as decimal(18, 2))
        as reverse_charge_base,
    cast(sum(case when vat.is_refundable then vat.vat_amount else 0 end) as decimal(18, 2))
        as refundable_vat_amount
from {{ ref('fct_invoice_vat') }} as vat
inner join fleets on vat.account_id = fleets.account_id
group by
    vat.account_id, vat.billing_month, vat.vat_country, vat.seller_vat_id, vat.vat_category, vat.vat_rate_pct,
    vat.currency
