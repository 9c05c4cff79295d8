-- What is payable, held and conceded of a disputed claim is the claim, and a closed case holds nothing.
select
    case_id,
    claimed_excl_vat,
    payable_excl_vat,
    held_excl_vat,
    conceded_excl_vat
from {{ ref('fct_disputes') }}
where
    payable_excl_vat + held_excl_vat + conceded_excl_vat <> claimed_excl_vat
    or (not is_open and held_excl_vat <> 0)
