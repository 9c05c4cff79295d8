select
    cdrs.billing_month,
    cdrs.cpo_id,
    cdrs.currency,
    max(cpos.cpo_name) as cpo_name,
    count(*) as cdrs,
    count(*) filter (where cdrs.verdict = 'accept') as accepted_cdrs,
    count(*) filter (where cdrs.verdict = 'hold') as held_cdrs,
    count(*) filter (where cdrs.verdict = 'reject') as rejected_cdrs,
    count(*) filter (where cdrs.verdict is null) as unjudged_cdrs,
    cast(coalesce(sum(disputes.amount_at_stake), 0) as decimal(18, 2)) as amount_at_stake
from {{ ref('fct_cdrs') }} as cdrs
inner join {{ ref('dim_cpos') }} as cpos on cdrs.cpo_id = cpos.cpo_id
left join {{ ref('fct_disputes') }} as disputes on cdrs.cdr_key = disputes.cdr_key and disputes.is_open
group by cdrs.billing_month, cdrs.cpo_id, cdrs.currency
