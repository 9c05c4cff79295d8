select
    account_id,
    legal_entity_id,
    name as account_name,
    kind as account_kind,
    country,
    language,
    currency,
    payment_terms_days,
    is_reseller,
    valid_from,
    valid_to
from {{ ref('stg_master__accounts') }}
