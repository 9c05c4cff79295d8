select
    cdr_key,
    cpo_id,
    verdict,
    rule_ids,
    currency,
    claimed_excl_vat,
    recomputed_excl_vat,
    difference_excl_vat,
    billing_month
from {{ source('matched', 'verdicts') }}
