select
    tariff_version_id,
    finding_index,
    tariff_key,
    code,
    severity,
    element_index,
    component_index,
    sentence
from {{ source('typed', 'tariff_lint') }}
