select
    tariff_key,
    row_index,
    known_from,
    known_to,
    valid_from,
    valid_to,
    tariff_version_id,
    tariff_type,
    last_updated_at,
    connection_id,
    ocpi_version,
    page_sha256,
    page_position
from {{ source('typed', 'tariff_history') }}
