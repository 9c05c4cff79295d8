select
    tariff_version_id,
    finding_index,
    tariff_key,
    code,
    severity,
    element_index,
    component_index,
    sentence
from {{ ref('stg_typed__tariff_lint') }}
