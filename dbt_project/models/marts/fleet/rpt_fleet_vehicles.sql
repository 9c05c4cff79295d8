with billed as (
    select
        charges.*,
        customers.account_name
    from {{ ref('fct_charges') }} as charges
    inner join {{ ref('dim_customers') }} as customers on charges.account_id = customers.account_id
    where customers.account_kind = 'business' and charges.is_billed
),

summed as (
    select
        account_id,
        invoice_month as billing_month,
        coalesce(vehicle_id, 'none') as vehicle_id,
        currency,
        max(account_name) as account_name,
        {{ listed('cost_centre') }} as cost_centres,
        count(*) filter (where kind = 'session') as sessions,
        cast(coalesce(sum(energy_kwh), 0) as decimal(38, 9)) as energy_kwh,
        cast(coalesce(sum(energy_kwh) filter (where current_type = 'AC'), 0) as decimal(38, 9)) as energy_ac_kwh,
        cast(coalesce(sum(energy_kwh) filter (where current_type = 'DC'), 0) as decimal(38, 9)) as energy_dc_kwh,
        cast(coalesce(sum(net_amount) filter (where kind = 'session'), 0) as decimal(18, 2)) as session_net_amount,
        cast(coalesce(sum(net_amount) filter (where kind = 'subscription'), 0) as decimal(18, 2))
            as fee_net_amount,
        cast(sum(net_amount) as decimal(18, 2)) as net_amount
    from billed
    group by account_id, invoice_month, coalesce(vehicle_id, 'none'), currency
)

select
    summed.account_id,
    summed.billing_month,
    summed.vehicle_id,
    summed.currency,
    summed.account_name,
    vehicles.plate,
    vehicles.model,
    summed.cost_centres,
    summed.sessions,
    summed.energy_kwh,
    summed.energy_ac_kwh,
    summed.energy_dc_kwh,
    summed.session_net_amount,
    summed.fee_net_amount,
    summed.net_amount
from summed
left join {{ ref('dim_vehicles') }} as vehicles on summed.vehicle_id = vehicles.vehicle_id
