select
    findings.cdr_key,
    findings.rule_id,
    cdrs.cpo_id,
    findings.rule_name,
    findings.severity,
    findings.message,
    findings.amount_at_stake,
    findings.currency,
    findings.billing_month
from {{ ref('stg_matched__findings') }} as findings
inner join {{ ref('stg_typed__cdrs') }} as cdrs on findings.cdr_key = cdrs.cdr_key
