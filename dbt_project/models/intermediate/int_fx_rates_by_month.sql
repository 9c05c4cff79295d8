with months as (
    select billing_month from {{ ref('stg_typed__cdrs') }}
    union
    select billing_month from {{ ref('stg_billed__charges') }}
),

candidates as (
    select
        months.billing_month,
        rates.currency,
        rates.rate_date,
        rates.eur_per_unit,
        row_number() over (
            partition by months.billing_month, rates.currency
            order by rates.rate_date desc
        ) as recency
    from months
    inner join {{ ref('stg_master__fx_rates') }} as rates
        on last_day(months.billing_month) >= rates.rate_date
    where rates.currency <> 'EUR'
),

euro as (
    select
        billing_month,
        'EUR' as currency,
        last_day(billing_month) as rate_date,
        cast(1 as decimal(18, 9)) as eur_per_unit
    from months
)

select
    billing_month,
    currency,
    rate_date,
    eur_per_unit
from candidates
where recency = 1
union all
select
    billing_month,
    currency,
    rate_date,
    eur_per_unit
from euro
