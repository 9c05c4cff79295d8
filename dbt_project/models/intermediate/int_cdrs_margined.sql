with session_charges as (
    select
        charge_id,
        cdr_key,
        account_id,
        plan_id,
        outcome,
        currency,
        document_number,
        case when outcome = 'billable' then net_amount end as revenue_net
    from {{ ref('int_charges_billed') }}
    where kind = 'session'
),

payable as (
    select
        verdicts.cdr_key,
        verdicts.verdict,
        verdicts.rule_ids,
        verdicts.claimed_excl_vat,
        verdicts.recomputed_excl_vat,
        verdicts.difference_excl_vat,
        -- A dispute that has ended says what is owed. One that goes on costs nothing yet, but for what its credits
        -- take off elsewhere.
        cast(case
            when disputes.case_id is null then case when verdicts.verdict = 'accept' then verdicts.claimed_excl_vat end
            when disputes.is_live then nullif(disputes.credited_excl_vat, 0)
            when disputes.owed_excl_vat = disputes.claimed_excl_vat then verdicts.claimed_excl_vat
            else disputes.owed_excl_vat
        end as decimal(18, 9)) as wholesale_cost
    from {{ ref('stg_matched__verdicts') }} as verdicts
    left join {{ ref('stg_ledger__disputes') }} as disputes on verdicts.cdr_key = disputes.cdr_key
),

rates as (
    select
        billing_month,
        currency,
        eur_per_unit
    from {{ ref('int_fx_rates_by_month') }}
),

priced as (
    select
        cdrs.cdr_key,
        cdrs.billing_month,
        cdrs.currency as cost_currency,
        payable.verdict,
        payable.rule_ids,
        payable.claimed_excl_vat,
        payable.recomputed_excl_vat,
        payable.difference_excl_vat,
        payable.wholesale_cost,
        cost_rates.eur_per_unit as cost_eur_per_unit,
        cast(payable.wholesale_cost * cost_rates.eur_per_unit as decimal(38, 12)) as wholesale_cost_eur,
        session_charges.charge_id,
        session_charges.account_id,
        session_charges.plan_id,
        session_charges.outcome as charge_outcome,
        session_charges.document_number,
        session_charges.currency as revenue_currency,
        session_charges.revenue_net,
        cast(session_charges.revenue_net * revenue_rates.eur_per_unit as decimal(38, 12)) as revenue_net_eur
    from {{ ref('stg_typed__cdrs') }} as cdrs
    left join payable on cdrs.cdr_key = payable.cdr_key
    left join session_charges on cdrs.cdr_key = session_charges.cdr_key
    left join rates as cost_rates
        on cdrs.billing_month = cost_rates.billing_month and cdrs.currency = cost_rates.currency
    left join rates as revenue_rates
        on cdrs.billing_month = revenue_rates.billing_month and session_charges.currency = revenue_rates.currency
)

select
    *,
    cast(revenue_net_eur - wholesale_cost_eur as decimal(38, 12)) as margin_eur
from priced
