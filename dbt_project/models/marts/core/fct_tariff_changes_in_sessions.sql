with named as (
    select distinct
        cdrs.cdr_key,
        cdrs.billing_month,
        cdrs.started_at,
        cdrs.ended_at,
        upper(cdrs.cpo_id || '*' || periods.tariff_id) as tariff_key
    from {{ ref('stg_typed__cdrs') }} as cdrs
    inner join {{ ref('stg_typed__charging_periods') }} as periods on cdrs.cdr_key = periods.cdr_key
    where periods.tariff_id is not null
),

replaced as (
    select
        later.tariff_key,
        later.known_from,
        later.last_updated_at,
        later.valid_from,
        later.valid_to,
        later.tariff_version_id,
        earlier.tariff_version_id as earlier_version_id
    from {{ ref('stg_typed__tariff_history') }} as later
    inner join {{ ref('stg_typed__tariff_history') }} as earlier
        on
            later.tariff_key = earlier.tariff_key
            and later.known_from = earlier.known_to
            and (later.valid_from is null or earlier.valid_to is null or later.valid_from < earlier.valid_to)
            and (earlier.valid_from is null or later.valid_to is null or later.valid_to > earlier.valid_from)
    where coalesce(later.tariff_version_id, '-') <> coalesce(earlier.tariff_version_id, '-')
),

succeeded as (
    select
        later.tariff_key,
        later.valid_from as changed_at,
        later.tariff_version_id,
        earlier.tariff_version_id as earlier_version_id
    from {{ ref('stg_typed__tariff_history') }} as later
    inner join {{ ref('stg_typed__tariff_history') }} as earlier
        on later.tariff_key = earlier.tariff_key and later.valid_from = earlier.valid_to
    where
        later.known_to is null
        and earlier.known_to is null
        and coalesce(later.tariff_version_id, '-') <> coalesce(earlier.tariff_version_id, '-')
),

changes as (
    select
        tariff_key,
        'known' as change_kind,
        known_from as changed_at,
        valid_from,
        valid_to,
        tariff_version_id,
        earlier_version_id
    from replaced
    union all
    select
        tariff_key,
        'written' as change_kind,
        last_updated_at as changed_at,
        valid_from,
        valid_to,
        tariff_version_id,
        earlier_version_id
    from replaced
    union all
    select
        tariff_key,
        'valid' as change_kind,
        changed_at,
        null as valid_from,
        null as valid_to,
        tariff_version_id,
        earlier_version_id
    from succeeded
)

select
    named.cdr_key,
    named.tariff_key,
    changes.change_kind,
    changes.changed_at,
    min(changes.earlier_version_id) as earlier_version_id,
    max(changes.tariff_version_id) as tariff_version_id,
    max(named.billing_month) as billing_month
from named
inner join changes
    on
        named.tariff_key = changes.tariff_key
        and named.started_at < changes.changed_at
        and named.ended_at > changes.changed_at
        and named.ended_at > coalesce(changes.valid_from, named.started_at)
        and named.started_at < coalesce(changes.valid_to, named.ended_at)
group by named.cdr_key, named.tariff_key, changes.change_kind, changes.changed_at
