with risks as (
    select * from {{ ref('stg_matched__token_risks') }}
),

contracts as (
    select * from {{ ref('stg_master__contracts') }}
),

explained as (
    select
        risks.token_uid,
        risks.token_type,
        risks.billing_month,
        risks.contract_id,
        contracts.account_id,
        risks.score,
        risks.recommended_action,
        {{ joined('risks.signal_ids') }} as signal_ids,
        {{ joined('risks.reasons') }} as reasons,
        {{ joined('risks.not_checked') }} as not_checked,
        risks.sessions,
        risks.authorizations,
        risks.energy_kwh,
        risks.last_used_at
    from risks
    left join contracts on risks.contract_id = contracts.contract_id
)

select * from explained
