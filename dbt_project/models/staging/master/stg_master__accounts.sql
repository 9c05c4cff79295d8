select
    account_id,
    kind,
    name,
    country,
    language,
    currency,
    is_reseller,
    payment_terms_days,
    legal_entity_id,
    valid_from,
    valid_to
from {{ source('master', 'accounts') }}
