# The developer's commands. `make` alone lists them; only Python 3.11+ and make are needed to begin.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := configs/constraints.txt

# The same pins hold in the isolated environments in which pip builds packages; newer pips read the second.
export PIP_CONSTRAINT := $(abspath $(CONSTRAINTS))
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check bench simulate-faults fuzz test-process build clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: $(VENV)/dev.stamp ## make .venv with fleetscan and everything for working on it

demo: $(VENV)/demo.stamp ## scan a pretend fleet of 300 VMs: needs neither Azure nor a credential
	$(BIN)/fleetscan demo --config configs/demo.toml

test: $(VENV)/dev.stamp ## run the tests, a minute or two
	$(BIN)/python -m pytest

lint: $(VENV)/dev.stamp ## lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint test ## lint, formatting, types, tests: all that must be green

# BENCH takes flags, such as BENCH='--only limits --limit-rounds 3'; figures of other servers are not kept.
bench: $(VENV)/dev.stamp ## measure fleetscan beside other clients, half an hour; or ENDPOINT=URL
	$(BIN)/python -m benchmarks $(if $(ENDPOINT),--endpoint $(ENDPOINT),--save) $(BENCH)

SEEDS ?= 10000
simulate-faults: $(VENV)/dev.stamp ## play SEEDS histories of faults and kills over all cores, ten minutes
	$(BIN)/python -m tests.faults --seeds $(SEEDS)

EXAMPLES ?= 1500
fuzz: $(VENV)/dev.stamp ## try each property with EXAMPLES new examples, ten minutes; failures are kept
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/properties --hypothesis-profile fuzz

KILLS ?= 50
test-process: $(VENV)/dev.stamp ## kill real scans KILLS times and resume them, over HTTP, five minutes
	$(BIN)/python -m tests.process --kills $(KILLS)

build: $(VENV)/dev.stamp ## make the sdist and the wheel under dist/
	rm -rf dist
	$(BIN)/python -m build

clean: ## remove .venv, dist and caches; runs are kept
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find fleetscan tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A stamp says that an environment holds what its files ask for, so that a second run installs nothing.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fleetscan needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo.stamp: $(VENV)/python.stamp pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e .
	@touch $@

# All that the demo needs is in here too.
$(VENV)/dev.stamp: $(VENV)/python.stamp pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@ $(VENV)/demo.stamp
