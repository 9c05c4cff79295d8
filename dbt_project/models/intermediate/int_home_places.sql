with home_evses as (
    select distinct evse_id from {{ ref('stg_master__home_chargers') }}
),

published as (
    select
        connectors.cpo_id,
        connectors.location_id
    from {{ ref('stg_typed__connectors') }} as connectors
    inner join home_evses on connectors.evse_id = home_evses.evse_id
),

-- A home is rarely published: where it is may be known from what was charged there only.
charged as (
    select
        cdrs.cpo_id,
        cdrs.location_id
    from {{ ref('stg_typed__cdrs') }} as cdrs
    left join home_evses on cdrs.evse_id = home_evses.evse_id
    where cdrs.location_id is not null and (cdrs.is_home_charging or home_evses.evse_id is not null)
),

places as (
    select * from published
    union all
    select * from charged
)

select distinct
    upper(cpo_id) as cpo_key,
    upper(location_id) as location_key
from places
