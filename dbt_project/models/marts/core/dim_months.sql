with months as (
    select billing_month from {{ ref('stg_typed__cdrs') }}
    union
    select billing_month from {{ ref('stg_billed__charges') }}
    union
    select billing_month from {{ ref('stg_ledger__closes') }}
)

select
    months.billing_month,
    last_day(months.billing_month) as last_date,
    cast(extract(year from months.billing_month) as integer) as calendar_year,
    cast(extract(month from months.billing_month) as integer) as calendar_month,
    closes.documents,
    closes.inputs_sha256,
    closes.outputs_sha256,
    closes.billing_month is not null as is_closed,
    closes.as_of,
    closes.closed_at
from months
left join {{ ref('stg_ledger__closes') }} as closes on months.billing_month = closes.billing_month
