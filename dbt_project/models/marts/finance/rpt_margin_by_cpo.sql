-- A credit and what it takes back cost something each, and are no sessions.
with sessions as (
    select
        *,
        not is_credit and not is_taken_back as is_session
    from {{ ref('fct_cdrs') }}
    where (verdict = 'accept' or wholesale_cost is not null) and not is_home_charging
),

summed as (
    select
        billing_month,
        cpo_id,
        currency as cost_currency,
        count(*) filter (where is_session) as sessions,
        count(*) filter (where is_session and revenue_net is null) as sessions_not_billable,
        cast(coalesce(sum(energy_kwh) filter (where is_session), 0) as decimal(38, 9)) as energy_kwh,
        {{ reporting_amount('coalesce(sum(revenue_net_eur), 0)') }} as revenue_net_eur,
        {{ reporting_amount(complete_sum('wholesale_cost')) }} as wholesale_cost,
        max(cost_eur_per_unit) as cost_eur_per_unit,
        {{ reporting_amount(complete_sum('wholesale_cost_eur')) }} as wholesale_cost_eur
    from sessions
    group by billing_month, cpo_id, currency
)

select
    summed.billing_month,
    summed.cpo_id,
    summed.cost_currency,
    cpos.cpo_name,
    summed.sessions,
    summed.sessions_not_billable,
    summed.energy_kwh,
    summed.revenue_net_eur,
    summed.wholesale_cost,
    summed.cost_eur_per_unit,
    summed.wholesale_cost_eur,
    cast(summed.revenue_net_eur - summed.wholesale_cost_eur as decimal(18, 2)) as margin_eur
from summed
inner join {{ ref('dim_cpos') }} as cpos on summed.cpo_id = cpos.cpo_id
