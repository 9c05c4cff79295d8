with costing as (
    select
        *,
        not is_credit and not is_taken_back as is_session
    from {{ ref('fct_cdrs') }}
    where (verdict = 'accept' or wholesale_cost is not null) and not is_home_charging
),

-- A credit and what it takes back cost something each, and are no sessions.
sessions as (
    select
        billing_month,
        coalesce(plan_id, 'none') as plan_id,
        currency as cost_currency,
        case when is_session then 1 else 0 end as sessions,
        case when is_session and revenue_net is null then 1 else 0 end as sessions_not_billable,
        case when is_session then energy_kwh else cast(0 as decimal(18, 9)) end as energy_kwh,
        revenue_net_eur as session_revenue_net_eur,
        cast(0 as decimal(38, 12)) as fee_revenue_net_eur,
        wholesale_cost,
        cost_eur_per_unit,
        wholesale_cost_eur
    from costing
),

-- A monthly fee has no wholesale cost, so its row stands under the fee's own currency.
fees as (
    select
        charges.billing_month,
        coalesce(charges.plan_id, 'none') as plan_id,
        charges.currency as cost_currency,
        0 as sessions,
        0 as sessions_not_billable,
        cast(0 as decimal(18, 9)) as energy_kwh,
        cast(0 as decimal(38, 12)) as session_revenue_net_eur,
        cast(charges.net_amount * rates.eur_per_unit as decimal(38, 12)) as fee_revenue_net_eur,
        cast(0 as decimal(18, 9)) as wholesale_cost,
        rates.eur_per_unit as cost_eur_per_unit,
        cast(0 as decimal(38, 12)) as wholesale_cost_eur
    from {{ ref('fct_charges') }} as charges
    left join {{ ref('int_fx_rates_by_month') }} as rates
        on charges.billing_month = rates.billing_month and charges.currency = rates.currency
    where charges.kind = 'subscription' and charges.outcome = 'billable'
),

movements as (
    select * from sessions
    union all
    select * from fees
),

summed as (
    select
        billing_month,
        plan_id,
        cost_currency,
        cast(sum(sessions) as bigint) as sessions,
        cast(sum(sessions_not_billable) as bigint) as sessions_not_billable,
        cast(sum(energy_kwh) as decimal(38, 9)) as energy_kwh,
        {{ reporting_amount('coalesce(sum(session_revenue_net_eur), 0)') }} as session_revenue_net_eur,
        {{ reporting_amount(complete_sum('fee_revenue_net_eur')) }} as fee_revenue_net_eur,
        {{ reporting_amount(complete_sum('wholesale_cost')) }} as wholesale_cost,
        max(cost_eur_per_unit) as cost_eur_per_unit,
        {{ reporting_amount(complete_sum('wholesale_cost_eur')) }} as wholesale_cost_eur
    from movements
    group by billing_month, plan_id, cost_currency
)

select
    billing_month,
    plan_id,
    cost_currency,
    sessions,
    sessions_not_billable,
    energy_kwh,
    session_revenue_net_eur,
    fee_revenue_net_eur,
    wholesale_cost,
    cost_eur_per_unit,
    wholesale_cost_eur,
    cast(session_revenue_net_eur + fee_revenue_net_eur - wholesale_cost_eur as decimal(18, 2)) as margin_eur
from summed
