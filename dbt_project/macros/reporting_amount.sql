{# An amount of a report, rounded once, half away from zero (what DuckDB and Spark both do with decimals). Only for
   sums that no document shows: billed amounts arrive rounded and are never rounded again. #}
{% macro reporting_amount(expression) -%}
    cast(round({{ expression }}, 2) as decimal(18, 2))
{%- endmacro %}

{# A sum that is unknown as soon as one of its parts is: unknown is not zero. #}
{% macro complete_sum(column) -%}
    case when count(*) = count({{ column }}) then sum({{ column }}) end
{%- endmacro %}
