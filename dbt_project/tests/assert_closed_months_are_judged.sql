{{ config(meta={'dagster': {'ref': {'name': 'fct_cdrs'}}}) }}
-- Every CDR up to the last closed month has a verdict (uniqueness is the key of `fct_cdrs`), and none but an accepted
-- one is charged. Later months may wait for their first run.
with closed as (
    select max(billing_month) as billing_month
    from {{ ref('dim_months') }}
    where is_closed
)

select
    cdrs.cdr_key,
    cdrs.verdict,
    cdrs.charge_id
from {{ ref('fct_cdrs') }} as cdrs
cross join closed
where
    (cdrs.verdict is null and cdrs.billing_month <= closed.billing_month)
    or (cdrs.verdict <> 'accept' and cdrs.charge_id is not null)
