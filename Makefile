# The developer's commands. `make` alone lists them; only Python 3.11+ and make are needed to begin.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := configs/constraints.txt

# The same pins apply to the isolated environments in which pip builds packages; newer pips read the second.
export PIP_CONSTRAINT := $(abspath $(CONSTRAINTS))
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where bytecode is not kept, each worker of each run compiles all tests anew, 3 s of CPU.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-page axe lint check docs bench scale series simulate-faults damage fuzz
.PHONY: test-process test-dask test-storage bench-dask azurite build clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: $(VENV)/dev.stamp ## make .venv with fleetscan and the development tools

demo: $(VENV)/demo.stamp ## scan a simulated fleet; no Azure account needed
	$(BIN)/fleetscan demo --config configs/demo.toml

# Three on two cores: many tests start processes and wait for them.
test: $(VENV)/dev.stamp ## run the tests, a minute or two
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-all: $(VENV)/dev.stamp axe ## run every test, those in Chromium too, some minutes
	$(BIN)/python -m pytest -n 2 --dist worksteal -m ""

test-page: $(VENV)/dev.stamp axe ## test the report's page in Chromium, a minute
	$(BIN)/python -m pytest -n 2 tests/page -m ""

# What pip has no package for comes from npm. A registry that cannot be reached ends that soon, and the tests skip.
NPM := npm install --no-save --no-package-lock --ignore-scripts --no-fund --no-audit --fetch-retries=1 \
	--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000 --fetch-timeout=30000

# A development-time check of the page, for which pip has no package. Without npm its tests skip and say so.
AXE := axe-core@4.14.1
axe: $(VENV)/python.stamp ## put axe-core into .venv with npm, for test-page
	@test -f $(VENV)/browser/node_modules/axe-core/axe.min.js || ! command -v npm > /dev/null \
	  || $(NPM) --prefix $(VENV)/browser $(AXE) || rm -rf $(VENV)/browser/node_modules

# Object storage for the tests, for which pip has no package either. Without npm those tests skip and say so.
AZURITE := azurite@3.37.0
azurite: $(VENV)/python.stamp ## put Azurite into .venv with npm, for the tests of object storage
	@test -f $(VENV)/azurite/node_modules/azurite/package.json || ! command -v npm > /dev/null \
	  || $(NPM) --omit=dev --prefix $(VENV)/azurite $(AZURITE) || rm -rf $(VENV)/azurite/node_modules

lint: $(VENV)/dev.stamp ## lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint test ## lint, formatting, types, tests: all must be green

docs: $(VENV)/dev.stamp ## write the tables and samples in README.md and docs
	$(BIN)/python -m tests.field_tables

# BENCH takes flags, such as BENCH='--only limits --limit-rounds 3'; with ENDPOINT nothing is saved.
bench: $(VENV)/dev.stamp ## benchmark fleetscan and other clients, 40 minutes
	$(BIN)/python -m benchmarks $(if $(ENDPOINT),--endpoint $(ENDPOINT),--save) $(BENCH)

scale: $(VENV)/dev.stamp ## play tenants of up to 1,000,000 VMs in shards in virtual time, 2 hours of CPU
	$(BIN)/python -m benchmarks.scale

series: $(VENV)/dev.stamp ## run at full length the series that `make test` cuts short, 1 minute
	SERIES=whole $(BIN)/python -m pytest -n 2 --dist worksteal -m series

SEEDS ?= 10000
simulate-faults: $(VENV)/dev.stamp ## run SEEDS histories of faults and kills, 10 minutes
	$(BIN)/python -m tests.faults --seeds $(SEEDS)

DAMAGES ?= 1000
damage: $(VENV)/dev.stamp ## damage and resume DAMAGES runs, 1 minute
	$(BIN)/python -m tests.damage --damages $(DAMAGES)

EXAMPLES ?= 1500
fuzz: $(VENV)/dev.stamp ## test properties with new examples, 10 minutes
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/properties --hypothesis-profile fuzz

KILLS ?= 50
test-process: $(VENV)/dev.stamp ## kill and resume KILLS real scans over HTTP, 5 minutes
	$(BIN)/python -m tests.process --kills $(KILLS)

test-dask: $(VENV)/dev.stamp ## kill KILLS workers of a Dask cluster in mid-scan, 5 minutes
	$(BIN)/python -m tests.cluster --kills $(if $(filter file,$(origin KILLS)),20,$(KILLS))

# BENCH as for bench, such as BENCH='--machines 50000 --rounds 5'.
bench-dask: $(VENV)/dev.stamp ## measure a scan on a Dask cluster beside one process, 5 minutes
	$(BIN)/python -m benchmarks.on_dask $(BENCH)

LOSSES ?= 20
test-storage: $(VENV)/dev.stamp azurite ## test object storage against Azurite, and lose LOSSES hosts, 5 minutes
	$(BIN)/python -m pytest -n 2 tests/remote
	@test -d $(VENV)/azurite/node_modules && $(BIN)/python -m tests.remote --kills $(LOSSES) \
	  || test ! -d $(VENV)/azurite/node_modules

build: $(VENV)/dev.stamp ## build the sdist and the wheel in dist/
	rm -rf dist
	$(BIN)/python -m build

clean: ## remove .venv, dist and caches; keep runs
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find fleetscan tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A stamp records that an environment is up to date, so that a second run installs nothing.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fleetscan needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo.stamp: $(VENV)/python.stamp pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e .
	@touch $@

# This includes everything that the demo needs.
$(VENV)/dev.stamp: $(VENV)/python.stamp pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@ $(VENV)/demo.stamp
