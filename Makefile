# One word a task; `make help` lists them. Needs Linux, make, and Python 3.11+ with pip. Nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
PY := .venv/bin/python
LOCAL := $(PY) -m opside_local
SOURCES := shared services deploy tests-e2e
PACKAGES := shared/chassis/src shared/contracts/src services/main-api/src \
	services/integrations-backend/src services/stripe-payments/src deploy/local/src deploy/sandbox/src

# uv trusts the machine's own certificates and never looks for another Python.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort \
		| awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Install everything into .venv from the lock (a second call costs nothing)
	@PYTHON="$(PYTHON)" deploy/local/setup/install.sh

.PHONY: demo
demo: setup ## Run the whole system and the main job, print the proof; REPORTS=<folder> audits real files
	@$(LOCAL) demo $(if $(REPORTS),--reports "$(REPORTS)")

.PHONY: up
up: setup ## Start the system and leave it running; prints URLs and sign-ins
	@$(LOCAL) up

.PHONY: down
down: setup ## Stop what `make up` started
	@$(LOCAL) down

.PHONY: status
status: setup ## Say what runs and where
	@$(LOCAL) status

.PHONY: migrate
migrate: setup ## Bring all three schemas to their newest version (DATABASE_URL, or the data of `make up`)
	@$(LOCAL) migrate

.PHONY: backup
backup: setup ## Write all data into a new folder while the system works: make backup TO=<folder>
	@test -n "$(TO)" || { echo "TO: no folder named; mend: make backup TO=<new folder>" >&2; exit 2; }
	@$(LOCAL) backup "$(TO)"

.PHONY: restore
restore: setup ## Bring a backup back into an empty copy and prove it: make restore FROM=<folder>
	@test -n "$(FROM)" || { echo "FROM: no folder named; mend: make restore FROM=<folder>" >&2; exit 2; }
	@$(LOCAL) restore "$(FROM)"

.PHONY: doctor
doctor: setup ## Check that this machine can run the system; ENV_FOLDER=<folder>: that an installation is fit for production
	@$(LOCAL) doctor $(if $(ENV_FOLDER),--env-folder "$(ENV_FOLDER)")

.PHONY: audit-reports
audit-reports: setup ## Read real report files of a folder: make audit-reports REPORTS=<folder>
	@test -n "$(REPORTS)" || { echo "REPORTS: no folder named; mend: make audit-reports REPORTS=<folder>" >&2; exit 2; }
	@$(LOCAL) audit "$(REPORTS)"

.PHONY: test
test: setup ## Run all tests of all packages
	@$(LOCAL) test

.PHONY: test-unit
test-unit: setup ## Tests without a database
	@$(LOCAL) test --kind unit

.PHONY: test-integration
test-integration: setup ## Tests on real Postgres and Redis
	@$(LOCAL) test --kind integration

.PHONY: test-contract
test-contract: setup ## Tests against the published Stripe and Amazon contracts
	@$(LOCAL) test --kind contract

.PHONY: security
security: setup ## Attack the running system, and a copy of it without each guard
	@$(LOCAL) test --kind security

.PHONY: e2e
e2e: setup ## Journeys over real HTTP against the whole system
	@$(LOCAL) test --kind e2e

.PHONY: fuzz
fuzz: setup ## Send EXAMPLES=50 requests to every documented route of the whole system
	@FUZZ_EXAMPLES="$(or $(EXAMPLES),50)" $(LOCAL) test --kind e2e -- -k fuzz

.PHONY: check
check: setup ## Lint, format, types, import contracts, guards over the house
	$(PY) -m ruff check --no-cache $(SOURCES)
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m mypy $(PACKAGES)
	.venv/bin/lint-imports --no-cache
	@$(LOCAL) test --kind guards

.PHONY: bench
bench: setup ## Measure, with the floor beside each figure; ONLY=<name> for one; writes build/bench.json
	@$(LOCAL) bench $(if $(ONLY),--only "$(ONLY)")

.PHONY: openapi
openapi: setup ## Rewrite the kept OpenAPI descriptions after a wanted change
	@OPSIDE_WRITE_OPENAPI=1 $(LOCAL) test --kind guards -- -k openapi

.PHONY: lock
lock: setup ## Resolve all requirements again (UPGRADE=1 moves to newer versions)
	@UPGRADE="$(UPGRADE)" deploy/local/setup/lock.sh

.PHONY: docker-env
docker-env: setup ## Make the secrets that docker-compose.yml reads (.local/docker)
	@$(LOCAL) docker-env

.PHONY: clean
clean: ## Stop the system and delete its data, reports and caches (keeps .venv)
	@if [ -x $(PY) ]; then $(LOCAL) down --quiet; fi
	@rm -rf .local build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean"
