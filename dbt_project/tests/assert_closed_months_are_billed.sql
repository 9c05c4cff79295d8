{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_charges'}}}) }}
-- Every billable charge of a closed month that the close could see stands on an invoice. Only a warning: a dispute
-- withdrawn, or master data mended, after the close makes such a charge too, and the next close bills it.
with closes as (
    select
        billing_month,
        as_of
    from {{ ref('dim_months') }}
    where is_closed
)

select distinct
    charges.charge_id,
    charges.billing_month
from {{ ref('fct_charges') }} as charges
inner join closes on charges.billing_month <= closes.billing_month
left join {{ ref('fct_cdrs') }} as cdrs on charges.cdr_key = cdrs.cdr_key
where
    charges.outcome = 'billable'
    and not charges.is_billed
    and (cdrs.received_at is null or cdrs.received_at <= closes.as_of)
