with invoices as (
    select
        document_id,
        document_number,
        billing_month
    from {{ ref('stg_ledger__documents') }}
    where kind = 'invoice'
),

billings as (
    select
        document_lines.charge_id,
        document_lines.document_id,
        document_lines.line_number,
        invoices.document_number,
        invoices.billing_month as invoice_month
    from {{ ref('stg_ledger__document_lines') }} as document_lines
    inner join invoices on document_lines.document_id = invoices.document_id
    where document_lines.charge_id is not null
)

select
    charges.charge_id,
    charges.kind,
    charges.outcome,
    charges.review_reason,
    charges.legal_entity_id,
    charges.account_id,
    charges.contract_id,
    charges.plan_id,
    charges.cdr_key,
    charges.cpo_id,
    charges.vehicle_id,
    charges.driver_id,
    charges.cost_centre,
    charges.supply_kind,
    charges.supplied_on,
    charges.started_at_local,
    charges.ended_at_local,
    charges.time_zone,
    charges.place_country,
    charges.location_name,
    charges.location_city,
    charges.evse_id,
    charges.current_type,
    charges.energy_kwh,
    charges.duration_hours,
    charges.tariff_version_id,
    charges.currency,
    charges.is_gross_price_list,
    charges.precise_amount,
    charges.net_amount,
    charges.gross_amount,
    charges.vat_case,
    charges.vat_country,
    charges.vat_category,
    charges.vat_rate_pct,
    charges.seller_vat_id,
    charges.buyer_vat_id,
    charges.billing_month,
    billings.document_id,
    billings.line_number,
    billings.document_number,
    billings.invoice_month
from {{ ref('stg_billed__charges') }} as charges
left join billings on charges.charge_id = billings.charge_id
