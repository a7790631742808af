# The commands of this repository. `make` lists them.
#
# A fresh Debian or Ubuntu with Python 3.11 or newer (with venv), make and git needs nothing else: `make run`.
# Everything that is installed goes into .venv, and every step is skipped when what it would bring is already there.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
# How many test processes; 2 fits the smallest machine that the limits are meant for.
WORKERS ?= 2
# default (make test), ci (.ci/run) or soak (make soak): how often and how much the long tests repeat.
TEST_TIER ?= default
export TEST_TIER

.DEFAULT_GOAL := help
.PHONY: help setup run test check static format-check lint types architecture docs-check fix bench docs simulate soak clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# ---------------------------------------------------------------- set-up

define FIND_PYTHON
set -eu; \
if ! command -v "$(PYTHON)" >/dev/null 2>&1; then \
    echo "Hundi needs Python 3.11 or newer, and '$(PYTHON)' was not found." >&2; \
    echo "Debian and Ubuntu: apt install python3 python3-venv. Another one by name: make setup PYTHON=python3.12" >&2; \
    exit 1; \
fi; \
if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
    echo "Hundi needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" -c 'import platform; print(platform.python_version())')." >&2; \
    echo "Install a newer one (Debian 12, Ubuntu 24.04 and later have it) and name it: make setup PYTHON=python3.12" >&2; \
    exit 1; \
fi; \
if ! "$(PYTHON)" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
    echo "'$(PYTHON)' has no venv module. Debian and Ubuntu: apt install python3-venv (for another version, such as 3.12: apt install python3.12-venv)" >&2; \
    exit 1; \
fi
endef

# Runs a step with its output in a log; shows the log's end, without pip's warnings, only when the step fails.
define QUIETLY
quietly() { \
    if ! "$$@" >"$(VENV)/setup.log" 2>&1; then \
        grep -v '^WARNING: ' "$(VENV)/setup.log" | tail -n 30 >&2 || true; \
        echo "make setup: this failed: $$*" >&2; \
        echo "The whole output is in $(VENV)/setup.log. If it speaks of the network, run the command again." >&2; \
        return 1; \
    fi; \
}
endef

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

setup:  ## make .venv, install what requirements/dev.txt locks, fetch the web assets
	@$(FIND_PYTHON); $(QUIETLY); \
	if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	    || ! grep -qF "$$(pwd -P)/$(VENV)/bin/python" $(BIN)/pip; then \
	    echo "Hundi: making $(VENV) with $$("$(PYTHON)" --version)"; \
	    "$(PYTHON)" -m venv --clear $(VENV); \
	fi; \
	locked=$$(sha256sum requirements/dev.txt | cut -d' ' -f1); \
	if [ ! -e "$(VENV)/.locked-$$locked" ]; then \
	    echo "Hundi: installing the locked packages (one to three minutes, the first time)"; \
	    rm -f $(VENV)/.locked-*; \
	    quietly $(PIP) install --require-hashes -r requirements/dev.txt; \
	    touch "$(VENV)/.locked-$$locked"; \
	fi; \
	here=$$( (pwd -P; cat pyproject.toml src/hundi/__init__.py) | sha256sum | cut -d' ' -f1); \
	if [ ! -e "$(VENV)/.installed-$$here" ]; then \
	    echo "Hundi: installing hundi itself, from this folder"; \
	    rm -f $(VENV)/.installed-*; \
	    quietly $(PIP) install --no-deps --no-build-isolation -e .; \
	    touch "$(VENV)/.installed-$$here"; \
	fi; \
	$(BIN)/python web/fetch.py

run: setup  ## start Hundi with demo data; ARGS="--port 9000" is passed on
	@exec $(BIN)/hundi up --demo $(ARGS)

# ---------------------------------------------------------------- what must hold

test: setup  ## the whole suite; ARGS="-k dispatch" is passed on
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: static test  ## everything that CI runs

static: setup format-check lint types docs-check  ## what needs no database: format, lint, types, imports, docs

format-check:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types:
	$(BIN)/mypy

architecture:  ## the tests of the house's own rules alone; `make test` has them too
	$(BIN)/pytest tests/architecture

docs-check:
	$(BIN)/python docs/generate.py --check

fix: setup  ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## write docs/reference anew from the code
	$(BIN)/python docs/generate.py

bench: setup  ## every benchmark; the JSON results end up in build/bench.jsonl
	@mkdir -p build && : > build/bench.jsonl
	@set -e; for file in $$(grep -l '^if __name__ ' bench/*.py); do \
	    echo "== $$file"; \
	    $(BIN)/python "$$file" $(ARGS) > build/bench.out || { cat build/bench.out; exit 1; }; \
	    cat build/bench.out; \
	    tail -n 1 build/bench.out >> build/bench.jsonl; \
	done; rm -f build/bench.out
	@echo "== build/bench.jsonl"; cat build/bench.jsonl

simulate: setup  ## play the network's simulator, SEEDS=10000 of them; a failure prints its seed
	TEST_SEEDS=$(or $(SEEDS),200) $(BIN)/pytest -n $(WORKERS) tests/scenarios/test_network_simulator.py -k every_seed

soak: TEST_TIER = soak
soak: setup  ## the suite with the full figures: hours, not minutes
	$(BIN)/pytest --durations=20 $(ARGS)

clean:  ## remove what set-up and the tools made; data/ stays
	rm -rf $(VENV) web/node_modules src/hundi/static/vendor src/hundi/documents/fonts build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests bench docs web -name __pycache__ -type d -prune -exec rm -rf {} +
