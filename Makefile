# Every target sets .venv up from requirements.lock when it is missing or the lock has changed.
.PHONY: setup demo test sweep lint bench dev lock help
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.lock-installed
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

help:            ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## the environment, from the lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) .ci/preflight.py
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing requirements.lock into .venv (a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $(STAMP)

demo: setup      ## a month, end to end: sandbox, pull, close, documents, summary
	@$(BIN)/roamledger demo

test: setup      ## every test
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

sweep: export ROAMLEDGER_SWEEP ?= 100000
sweep: setup     ## a hundred thousand sessions, every policy: the kernel against the one-CDR reference
	@$(BIN)/pytest -n 2 tests/property/rating

lint: setup      ## style, types, import walls, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models

bench: setup     ## speed and memory, each beside its baseline; writes bench.json
	@$(BIN)/python -m tests.benchmarks

dev: export DAGSTER_HOME ?= $(abspath $(or $(ROAMLEDGER_HOME),data))/dagster
dev: setup       ## the asset graph in Dagster's web interface
	@mkdir -p "$$DAGSTER_HOME"
	@test -e "$$DAGSTER_HOME/dagster.yaml" || cp dagster.yaml "$$DAGSTER_HOME/"
	@$(BIN)/dagster dev

lock:            ## compile requirements.lock anew (needs uv)
	@uv pip compile --universal --generate-hashes --no-header --quiet --group dev pyproject.toml -o requirements.lock
