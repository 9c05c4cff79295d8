-- What did we know about tariff T at X?
-- where tariff_key = T and known_from <= X and (known_to is null or known_to > X)
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
from {{ ref('stg_typed__tariff_history') }}
