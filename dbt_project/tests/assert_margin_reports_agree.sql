{{ config(meta={'dagster': {'ref': {'name': 'rpt_margin_by_cpo'}}}) }}
-- The three margin reports cut the same sessions, and leave out nothing that is owed for a public session: sessions and
-- energy agree exactly, and per cost currency so do the costs, but for half a cent of rounding a row.
with cuts as (
    select
        'cdrs' as cut,
        billing_month,
        currency as cost_currency,
        case when is_credit or is_taken_back then 0 else 1 end as sessions,
        case when is_credit or is_taken_back then 0 else energy_kwh end as energy_kwh,
        wholesale_cost
    from {{ ref('fct_cdrs') }}
    where (verdict = 'accept' or wholesale_cost is not null) and not is_home_charging
    union all
    select
        'cpo' as cut,
        billing_month,
        cost_currency,
        sessions,
        energy_kwh,
        wholesale_cost
    from {{ ref('rpt_margin_by_cpo') }}
    union all
    select
        'country' as cut,
        billing_month,
        cost_currency,
        sessions,
        energy_kwh,
        wholesale_cost
    from {{ ref('rpt_margin_by_country') }}
    union all
    select
        'plan' as cut,
        billing_month,
        cost_currency,
        sessions,
        energy_kwh,
        wholesale_cost
    from {{ ref('rpt_margin_by_plan') }}
),

summed as (
    select
        cut,
        billing_month,
        cost_currency,
        count(*) filter (where cut <> 'cdrs') as report_rows,
        sum(sessions) as sessions,
        sum(energy_kwh) as energy_kwh,
        sum(wholesale_cost) as wholesale_cost
    from cuts
    group by cut, billing_month, cost_currency
)

select
    cpo.billing_month,
    cpo.cost_currency,
    other.cut,
    cpo.sessions,
    other.sessions as other_sessions,
    cpo.wholesale_cost,
    other.wholesale_cost as other_wholesale_cost
from summed as cpo
inner join summed as other
    on
        cpo.billing_month = other.billing_month
        and cpo.cost_currency = other.cost_currency
        and other.cut <> 'cpo'
where
    cpo.cut = 'cpo'
    and (
        cpo.sessions <> other.sessions
        or cpo.energy_kwh <> other.energy_kwh
        or abs(cpo.wholesale_cost - other.wholesale_cost) * 200 > cpo.report_rows + other.report_rows
    )
