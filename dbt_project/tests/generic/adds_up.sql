{# Fails with every row whose total is not exactly the sum of its parts; a null part counts as nothing booked. #}
{% test adds_up(model, total, parts) %}
select *
from {{ model }}
where {{ total }} is not null
    and {{ total }} <> {% for part in parts %}coalesce({{ part }}, 0){{ ' + ' if not loop.last }}{% endfor %}
{% endtest %}
