# Every target sets up what it needs; see ./local --help for what stands behind it.
STACK ?= dev

PYTHON_OF_PROJECT := .venv/bin/python

# What deploys with the Pulumi engine.
NEEDS_ENGINE := bench/tests packages/doctor/tests/doctor packages/local-azure/tests/faults \
	packages/local-azure/tests/foreign_programs policy/tests tests/stack tests-e2e

# Tests run on this many processes; those of one file, or of one group, on one of them.
WORKERS ?= 2

.DEFAULT_GOAL := help
# Without --quiet, which would silence the warnings that a strict build fails on.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(PYTHON_OF_PROJECT) -m mkdocs build --config-file tools/docs/mkdocs.yml

.PHONY: help up preview preflight doctor down test test-all bench lint docs lock template wheels clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  STACK=$(STACK) names the stack, for example: make up STACK=prod"

# A stack that is deployed is previewed first: what would lose data is named, and goes on with ACCEPT_LOSS alone.
up: ## Deploy the stack to the local Azure, and wait until it serves
	@if [ -n "$$(./local run pulumi stack output image --stack $(STACK) 2>/dev/null)" ]; then \
		./local run $(PYTHON_OF_PROJECT) tools/ci/data_loss.py -- pulumi preview --json --stack $(STACK); \
	fi
	@./local run pulumi up --stack $(STACK) --yes --skip-preview || { ./local ready --stack $(STACK) --seconds 0; exit 1; }
	@./local ready --stack $(STACK)
	@echo "Check: make doctor STACK=$(STACK)"
	@echo "End:   make down STACK=$(STACK)"

preview: ## Show what "make up" would change, and judge it by the policies
	@./local run pulumi preview --policy-pack policy --stack $(STACK)

preflight: ## Find what would make a deployment fail, before it begins
	@./local run $(PYTHON_OF_PROJECT) -m doctor.preflight --stack $(STACK)

doctor: ## Find what is wrong with the running stack, and name the one cause
	@./local run $(PYTHON_OF_PROJECT) -m doctor --stack $(STACK)

down: ## Delete the stack's resources and stop the local Azure
	@./local run pulumi destroy --stack $(STACK) --yes
	@./local stop

test: ## Run the tests, without the slow ones, which its last lines name
test-all: ## Run all tests
test: SELECTION := -m 'not slow'

# A local Azure of its own, so that the tests never meet the stacks of "make up". Exit code 4 says that no engine could
# be had: the tests that need none still run, except in CI, where nothing may be left out.
test test-all:
	@left_out=; \
	./local setup --dev || { \
		code=$$?; \
		if [ $$code -ne 4 ] || [ -n "$${CI:-}" ]; then exit $$code; fi; \
		left_out='$(NEEDS_ENGINE)'; \
	}; \
	LOCAL_AZURE_HOME=$$(mktemp -d "$${TMPDIR:-/tmp}/local-azure-test.XXXXXX") || exit 1; \
	export LOCAL_AZURE_HOME; \
	trap './local stop >/dev/null; rm -rf "$$LOCAL_AZURE_HOME"' EXIT; \
	trap 'exit 130' INT TERM; \
	$(PYTHON_OF_PROJECT) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(SELECTION) \
		$$(for path in $$left_out; do printf ' --ignore=%s' $$path; done); \
	code=$$?; \
	if [ -n "$$left_out" ]; then \
		echo "WARNING: LEFT OUT, for they need the Pulumi engine and none could be had (see the top): $$left_out" >&2; \
	fi; \
	exit $$code

lint: ## Check format, style, types, workflows and the documentation
	@./local setup --dev --no-engine
	@code=0; \
	$(PYTHON_OF_PROJECT) -m ruff format --check . || code=1; \
	$(PYTHON_OF_PROJECT) -m ruff check . || code=1; \
	$(PYTHON_OF_PROJECT) -m pyright || code=1; \
	PYTHONPATH=.:policy .venv/bin/lint-imports --no-cache || code=1; \
	$(PYTHON_OF_PROJECT) -m tools.ci.actionlint || code=1; \
	$(PYTHON_OF_PROJECT) -m tools.template --check || code=1; \
	.venv/bin/zizmor --offline --quiet .github || code=1; \
	site=$$(mktemp -d) && $(MKDOCS) --site-dir "$$site" || code=1; rm -rf "$$site"; \
	exit $$code

docs: ## Build the documentation as a site, in site/
	@./local setup --dev --no-engine
	@$(MKDOCS)
	@echo "Read it: $(PYTHON_OF_PROJECT) -m http.server --directory site 8080, then http://localhost:8080"

lock: ## Compile the requirement lists, with hashes, from what is asked for; UPGRADE=--upgrade takes newer versions
	@./local setup --dev --no-engine
	@tools/lock.sh $(UPGRADE)

template: ## Generate the template of "pulumi new" again
	@./local setup --no-engine
	@$(PYTHON_OF_PROJECT) -m tools.template

wheels: ## Build the packages that projects of the template install, into dist/
	@./local setup --dev --no-engine
	@for package in packages/*/; do \
		.venv/bin/uv build --quiet --wheel --no-build-isolation --python $(PYTHON_OF_PROJECT) --out-dir dist "$$package" || exit; \
	done

bench: ## Measure what the project promises; writes bench/results.md
	@./local setup --dev
	@$(PYTHON_OF_PROJECT) -m bench

clean: ## Stop the local Azure; delete its state, the stacks and the virtual environment
	@if [ -x $(PYTHON_OF_PROJECT) ]; then ./local reset --yes; fi
	@rm -rf .venv .venv.lock .pytest_cache .ruff_cache .hypothesis site
