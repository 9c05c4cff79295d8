with statements as (
    select
        document_lines.cdr_key,
        documents.document_number
    from {{ ref('stg_ledger__document_lines') }} as document_lines
    inner join {{ ref('stg_ledger__documents') }} as documents on document_lines.document_id = documents.document_id
    where documents.kind = 'reimbursement_statement'
)

select
    reimbursements.cdr_key,
    reimbursements.account_id,
    reimbursements.driver_id,
    reimbursements.contract_id,
    reimbursements.evse_id,
    reimbursements.meter_id,
    statements.document_number,
    reimbursements.outcome,
    reimbursements.basis,
    reimbursements.legal_reference,
    reimbursements.energy_kwh,
    reimbursements.price_per_kwh,
    reimbursements.currency,
    reimbursements.amount,
    reimbursements.started_at_local,
    reimbursements.ended_at_local,
    reimbursements.billing_month
from {{ ref('stg_billed__reimbursements') }} as reimbursements
left join statements on reimbursements.cdr_key = statements.cdr_key
