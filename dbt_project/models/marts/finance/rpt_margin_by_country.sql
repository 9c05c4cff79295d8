with sessions as (
    select
        *,
        coalesce(charge_country, 'unknown') as country
    from {{ ref('fct_cdrs') }}
    where verdict = 'accept' and not is_home_charging
),

summed as (
    select
        billing_month,
        country,
        currency as cost_currency,
        count(*) as sessions,
        count(*) filter (where revenue_net is null) as sessions_not_billable,
        cast(sum(energy_kwh) as decimal(38, 9)) as energy_kwh,
        {{ reporting_amount('coalesce(sum(revenue_net_eur), 0)') }} as revenue_net_eur,
        {{ reporting_amount(complete_sum('wholesale_cost')) }} as wholesale_cost,
        max(cost_eur_per_unit) as cost_eur_per_unit,
        {{ reporting_amount(complete_sum('wholesale_cost_eur')) }} as wholesale_cost_eur
    from sessions
    group by billing_month, country, currency
)

select
    billing_month,
    country,
    cost_currency,
    sessions,
    sessions_not_billable,
    energy_kwh,
    revenue_net_eur,
    wholesale_cost,
    cost_eur_per_unit,
    wholesale_cost_eur,
    cast(revenue_net_eur - wholesale_cost_eur as decimal(18, 2)) as margin_eur
from summed
