with counted as (
    select
        connection_id,
        module,
        cast(sum(records) as bigint) as raw_records,
        cast(coalesce(sum(records) filter (where outcome = 'typed'), 0) as bigint) as typed_records,
        cast(coalesce(sum(records) filter (where outcome = 'quarantined'), 0) as bigint) as quarantined_records,
        cast(coalesce(sum(records) filter (where outcome = 'duplicate'), 0) as bigint) as duplicate_records
    from {{ ref('int_records_counted') }}
    group by connection_id, module
),

stored as (
    select
        connection_id,
        'cdrs' as module,
        count(*) as stored_cdrs
    from {{ ref('fct_cdrs') }}
    group by connection_id
)

select
    counted.connection_id,
    counted.module,
    counted.raw_records,
    counted.typed_records,
    counted.quarantined_records,
    counted.duplicate_records,
    case when counted.module = 'cdrs' then coalesce(stored.stored_cdrs, 0) end as stored_cdrs
from counted
left join stored on counted.connection_id = stored.connection_id and counted.module = stored.module
