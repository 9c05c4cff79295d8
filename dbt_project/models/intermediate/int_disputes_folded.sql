with events as (
    select
        *,
        row_number() over (partition by case_id order by event_index desc) as recency
    from {{ ref('stg_ledger__dispute_events') }}
),

newest as (
    select
        case_id,
        cdr_key,
        cpo_id,
        kind as state,
        rule_ids,
        reason,
        amount_at_stake,
        currency,
        billing_month
    from events
    where recency = 1
),

history as (
    select
        case_id,
        count(*) as events,
        max(deadline_on) as deadline_on,
        min(happened_at) as opened_at,
        max(happened_at) as changed_at
    from events
    group by case_id
)

select
    newest.case_id,
    newest.cdr_key,
    newest.cpo_id,
    newest.state,
    newest.rule_ids,
    newest.reason,
    newest.amount_at_stake,
    newest.currency,
    newest.state <> 'withdrawn' as is_open,
    history.events,
    history.deadline_on,
    history.opened_at,
    history.changed_at,
    newest.billing_month
from newest
inner join history on newest.case_id = history.case_id
