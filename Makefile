# Two commands for everybody: make demo, make test. Neither needs another one before it.
SHELL := /bin/bash
PYTHON ?= python3
LAB := $(PYTHON) docker/labtool
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.requirements
UV := 0.11
# Within each of two groups one after another: they share an Asterisk, its phones and their ports.
ON_ASTERISK := tests/contract tests/e2e tests/chaos

.DEFAULT_GOAL := help
.PHONY: help demo down test matrix whole random fuzz bench bench-dispatch chaos lint lock clean lab-status lab-logs test-lab test-own

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## set everything up, start the lab, send one real call through it
	@$(LAB) demo

down: ## end the lab: containers, network, database, recordings
	@$(LAB) down

lab-status: ## what of the lab runs
	@$(LAB) status

lab-logs: ## the lab's logs, going on
	@$(LAB) logs

test: $(STAMP) ## set everything up and run the whole suite, real-Asterisk tests included
	@$(LAB) images
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(addprefix --ignore=,$(ON_ASTERISK))
	@$(MAKE) --no-print-directory --jobs 2 test-lab test-own

test-lab test-own: # beside each other
	$(BIN)/python -m pytest -m "not whole and $(if $(findstring lab,$@),lab,not lab)" $(ON_ASTERISK)

matrix: $(STAMP) ## every row of transfers, supervision, calls from the screen and direct ones, on the real Asterisk, printed
	@$(LAB) images
	$(BIN)/python -m pytest -s $(patsubst %,tests/e2e/test_%.py,transfers transfer_matrix transfer_untaken transfer_codes \
	  hung_up restart_transfers click_to_call supervision direct_calls)

whole: $(STAMP) ## what `make test` leaves out of its long tables, on the real Asterisk
	@$(LAB) images
	$(BIN)/python -m pytest -m whole $(ON_ASTERISK)

random: $(STAMP) ## ten minutes of everything at random over 20 live calls; RANDOM_RUN="--minutes 2 --seed 7"
	@$(LAB) images
	$(BIN)/python -m tests.chaos.at_random $(RANDOM_RUN)

fuzz: $(STAMP) ## the API against its document, a hundred times as long as in `make test`; FUZZ_EXAMPLES=1000
	SCHEMATHESIS_EXAMPLES=$(or $(FUZZ_EXAMPLES),600) $(BIN)/python -m pytest -s tests/integration/web/test_web_schemathesis.py

bench: $(STAMP) ## measure, print and write build/bench.json
	@$(LAB) images
	$(BIN)/python -m tests.bench.decide
	$(BIN)/python -m tests.bench.records
	$(BIN)/python -m tests.bench.look_up
	$(BIN)/python -m tests.bench.csv_import
	$(BIN)/python -m tests.bench.tickets
	$(BIN)/python -m tests.bench.callbacks
	$(BIN)/python -m tests.bench

bench-dispatch: $(STAMP) ## of these only: from a BYE to the next INVITE, against app_queue and bare ARI
	@$(LAB) images
	$(BIN)/python -m tests.bench.dispatch

chaos: $(STAMP) ## break it under load, count what is lost, write build/chaos.json; CHAOS="--scenario kill9"
	@$(LAB) images
	$(BIN)/python -m tests.chaos $(CHAOS)

lint: $(STAMP) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=docker/labtool $(BIN)/mypy --strict docker/labtool docker/phones docker/asterisk/speak.py
	$(BIN)/lint-imports

lock: ## resolve the dependencies anew, with hashes
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet 'uv~=$(UV)'
	build/lock/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet \
	  pyproject.toml -o requirements.lock
	build/lock/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet \
	  --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	build/lock/bin/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet \
	  -c requirements-dev.lock docker/phones/requirements.in -o docker/phones/requirements.lock

clean: ## end the lab and remove all that was made: passwords, images, caches, the virtual environment
	@$(LAB) clean
	rm -rf build docker/lab-test bridge/web/assets/vendor $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements-dev.lock
	@$(LAB) tools
	@touch $@
