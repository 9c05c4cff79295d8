with credits as (
    select
        upper(cpo_id || '*' || credit_reference_id) as original_key,
        {{ complete_sum('abs(total_cost_excl_vat)') }} as credited_excl_vat
    from {{ ref('stg_typed__cdrs') }}
    where is_credit and credit_reference_id is not null
    group by upper(cpo_id || '*' || credit_reference_id)
)

select
    cdrs.cdr_key,
    credits.credited_excl_vat,
    coalesce(credits.credited_excl_vat >= cdrs.total_cost_excl_vat - 0.005, true) as is_taken_back
from {{ ref('stg_typed__cdrs') }} as cdrs
inner join credits on cdrs.cdr_key = credits.original_key
where not cdrs.is_credit
