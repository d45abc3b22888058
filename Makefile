# Every target sets up what it needs; see ./local --help for what stands behind it.
STACK ?= dev

PYTHON_OF_PROJECT := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help up preview down test lint clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  STACK=$(STACK) names the stack, for example: make up STACK=prod"

up: ## Deploy the stack to the local Azure
	@./local run pulumi up --stack $(STACK) --yes

preview: ## Show what "make up" would change
	@./local run pulumi preview --stack $(STACK)

down: ## Delete the stack's resources and stop the local Azure
	@./local run pulumi destroy --stack $(STACK) --yes
	@./local stop

# A local Azure of its own, so that the tests never meet the stacks of "make up". Exit code 4 says that no engine could
# be had: the tests that need none still run, except in CI, where nothing may be left out.
test: ## Run all tests
	@left_out=; \
	./local setup --dev || { \
		code=$$?; \
		if [ $$code -ne 4 ] || [ -n "$${CI:-}" ]; then exit $$code; fi; \
		left_out=tests/stack; \
	}; \
	LOCAL_AZURE_HOME=$$(mktemp -d "$${TMPDIR:-/tmp}/local-azure-test.XXXXXX") || exit 1; \
	export LOCAL_AZURE_HOME; \
	trap './local stop >/dev/null; rm -rf "$$LOCAL_AZURE_HOME"' EXIT; \
	trap 'exit 130' INT TERM; \
	$(PYTHON_OF_PROJECT) -m pytest tests $${left_out:+--ignore=$$left_out}; \
	code=$$?; \
	if [ -n "$$left_out" ]; then \
		echo "WARNING: $$left_out was LEFT OUT: it needs the Pulumi engine, and none could be had (see the top)." >&2; \
	fi; \
	exit $$code

lint: ## Check format, style and types
	@./local setup --dev --no-engine
	@code=0; \
	$(PYTHON_OF_PROJECT) -m ruff format --check . || code=1; \
	$(PYTHON_OF_PROJECT) -m ruff check . || code=1; \
	$(PYTHON_OF_PROJECT) -m pyright || code=1; \
	exit $$code

clean: ## Stop the local Azure; delete its state, the stacks and the virtual environment
	@if [ -x $(PYTHON_OF_PROJECT) ]; then ./local reset --yes; fi
	@rm -rf .venv .venv.lock .pytest_cache .ruff_cache .hypothesis
