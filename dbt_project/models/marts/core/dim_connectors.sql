with home_evses as (
    select distinct evse_id from {{ ref('stg_master__home_chargers') }}
),

connectors as (
    select
        connectors.*,
        home_evses.evse_id is not null as is_home_charging
    from {{ ref('stg_typed__connectors') }} as connectors
    left join home_evses on connectors.evse_id = home_evses.evse_id
)

-- Where a driver lives is nobody's analysis: of a home charger only its country is kept.
select
    connector_key,
    cpo_id,
    location_id,
    evse_uid,
    connector_id,
    evse_id,
    case when not is_home_charging then location_name end as location_name,
    case when not is_home_charging then city end as city,
    country,
    case when not is_home_charging then latitude end as latitude,
    case when not is_home_charging then longitude end as longitude,
    time_zone,
    power_type,
    max_power_kw,
    is_home_charging,
    connection_id,
    ocpi_version,
    page_sha256,
    page_position
from connectors
