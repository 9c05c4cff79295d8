{# What engines spell differently, each in one line; a model uses the name only. #}

{# The words of a list column as one text, in their order. #}
{% macro joined(list_column) -%}
    {{ return(adapter.dispatch('joined', 'roamledger')(list_column)) }}
{%- endmacro %}

{% macro default__joined(list_column) -%} array_to_string({{ list_column }}, ',') {%- endmacro %}
{% macro spark__joined(list_column) -%} concat_ws(',', {{ list_column }}) {%- endmacro %}

{# The distinct values of a group as one sorted text. #}
{% macro listed(column) -%}
    {{ return(adapter.dispatch('listed', 'roamledger')(column)) }}
{%- endmacro %}

{% macro default__listed(column) -%}
    string_agg(distinct {{ column }}, ', ' order by {{ column }})
{%- endmacro %}
{% macro spark__listed(column) -%} concat_ws(', ', array_sort(collect_set({{ column }}))) {%- endmacro %}
