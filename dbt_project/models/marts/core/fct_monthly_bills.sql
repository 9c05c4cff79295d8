with documents as (
    select * from {{ ref('stg_ledger__documents') }}
),

invoiced as (
    select
        parent_document_id,
        count(*) as invoices,
        sum(total) as invoiced_total
    from documents
    where kind = 'invoice'
    group by parent_document_id
)

select
    bills.document_id,
    bills.document_number,
    bills.series,
    bills.sequence,
    bills.account_id,
    bills.payment_reference,
    coalesce(invoiced.invoices, 0) as invoices,
    bills.currency,
    bills.total,
    cast(coalesce(invoiced.invoiced_total, 0) as decimal(18, 2)) as invoiced_total,
    bills.content_sha256,
    bills.issued_on,
    bills.due_on,
    bills.billing_month
from documents as bills
left join invoiced on bills.document_id = invoiced.parent_document_id
where bills.kind = 'monthly_bill'
