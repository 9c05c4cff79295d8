{# Schemas are named as they are (`staging`, `intermediate`), not `main_staging`; marts live in `main`, so that an
   analyst writes `select * from fct_cdrs`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
