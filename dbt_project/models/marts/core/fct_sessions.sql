select
    sessions.session_key,
    sessions.cpo_id,
    sessions.session_id,
    sessions.authorization_reference,
    sessions.token_uid,
    sessions.contract_id,
    sessions.location_id,
    sessions.evse_uid,
    sessions.connector_id,
    sessions.auth_method,
    sessions.status,
    sessions.currency,
    sessions.energy_kwh,
    homes.location_key is not null as is_home_charging,
    sessions.started_at,
    sessions.ended_at,
    sessions.last_updated_at,
    sessions.received_at,
    sessions.billing_month,
    sessions.connection_id,
    sessions.ocpi_version,
    sessions.page_sha256,
    sessions.page_position
from {{ ref('stg_typed__sessions') }} as sessions
left join {{ ref('int_home_places') }} as homes
    on upper(sessions.cpo_id) = homes.cpo_key and upper(sessions.location_id) = homes.location_key
