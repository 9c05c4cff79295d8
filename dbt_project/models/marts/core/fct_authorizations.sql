select
    authorizations.authorization_id,
    authorizations.cpo_id,
    authorizations.authorization_reference,
    authorizations.token_uid,
    authorizations.token_type,
    authorizations.contract_id,
    authorizations.location_id,
    authorizations.evse_uid,
    authorizations.result,
    homes.location_key is not null as is_home_charging,
    authorizations.authorized_at,
    authorizations.received_at,
    authorizations.billing_month,
    authorizations.connection_id,
    authorizations.ocpi_version,
    authorizations.page_sha256,
    authorizations.page_position
from {{ ref('stg_typed__authorizations') }} as authorizations
left join {{ ref('int_home_places') }} as homes
    on upper(authorizations.cpo_id) = homes.cpo_key and upper(authorizations.location_id) = homes.location_key
