{{ config(meta={'dagster': {'ref': {'name': 'fct_invoices'}}}) }}
-- Numbers of a series run from 1 without a gap: as many documents as the highest number says.
with numbered as (
    select
        series,
        sequence
    from {{ ref('fct_invoices') }}
    union all
    select
        series,
        sequence
    from {{ ref('fct_monthly_bills') }}
)

select
    series,
    count(*) as documents,
    count(distinct sequence) as numbers,
    max(sequence) as highest
from numbered
group by series
having min(sequence) <> 1 or count(*) <> max(sequence) or count(distinct sequence) <> max(sequence)
