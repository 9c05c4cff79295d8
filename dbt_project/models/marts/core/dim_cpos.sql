with agreed as (
    select
        cpo_id,
        name,
        country,
        currency,
        dispute_deadline_days,
        true as has_agreement
    from {{ ref('stg_master__agreements') }}
),

unknown as (
    select distinct cdrs.cpo_id
    from {{ ref('stg_typed__cdrs') }} as cdrs
    left join agreed on cdrs.cpo_id = agreed.cpo_id
    where agreed.cpo_id is null
)

select
    cpo_id,
    name as cpo_name,
    country,
    currency,
    dispute_deadline_days,
    has_agreement
from agreed
union all
select
    cpo_id,
    cpo_id as cpo_name,
    cast(null as varchar) as country,
    cast(null as varchar) as currency,
    cast(null as bigint) as dispute_deadline_days,
    false as has_agreement
from unknown
