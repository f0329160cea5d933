# Everything a stranger needs: each target does all of its own set-up.
SHELL := /bin/sh
VENV := .venv/bin

.PHONY: help setup demo test test-quick test-integration check format lock clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.make/setup: requirements.lock pyproject.toml .ci/setup
	@sh .ci/setup
	@mkdir -p .make && touch $@

setup: .make/setup  ## Make .venv with faultline in it

.make/servers: .ci/servers tests/integration/mlflow-requirements.txt | .make/setup
	@sh .ci/servers
	@mkdir -p .make && touch $@

demo: setup  ## Run the bot against a simulated production and a small local Slack (ARGS=--headless plays it by itself)
	@$(VENV)/faultline demo $(ARGS)

test: setup .make/servers  ## All tests: unit, stories, and those against real servers and a browser
	$(VENV)/pytest -m "not integration" -n auto -q
	$(VENV)/pytest -m integration -q

test-quick: setup  ## Tests that need no server: a minute or two
	$(VENV)/pytest -m "not integration" -n auto -q

test-integration: setup .make/servers  ## Tests against real Prometheus, MLflow, PostgreSQL and Chromium
	$(VENV)/pytest -m integration -q

check: setup  ## Style, types, layers, spelling
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/codespell
	$(VENV)/hadolint Dockerfile

format: setup  ## Format the code
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

lock: setup  ## Resolve the dependencies anew; neither file may hold an address
	.uv/bin/uv lock --upgrade
	.uv/bin/uv export -q --all-extras --no-emit-project --format requirements.txt > requirements.lock
	.uv/bin/uv export -q --extra llm --no-dev --no-emit-project --format requirements.txt > .ci/runtime.lock
	! grep -l '://' requirements.lock .ci/runtime.lock

clean:  ## Remove what set-up and runs have made
	rm -rf .venv .uv .mlflow-venv .make .mypy_cache .ruff_cache .pytest_cache .import_linter_cache artefacts
