# What people type. `make run` and `make test` do all of their own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test timers fuzz bench demo lint audit setup lock clean crash cluster
.DEFAULT_GOAL := run

# A stamp per lock file: a second start installs nothing.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Tongban needs Python 3.11 or newer; $(PYTHON) is older. Name another one: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Debian keeps venv in a package of its own. Type: apt-get install python3-venv"; exit 1; }
	@echo "$(CURDIR)" > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tongban.pth
	@printf '#!%s\nimport sys\nfrom api.cli import main\nsys.exit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/tongban
	@chmod +x $(BIN)/tongban

$(VENV)/.run-ready: requirements.lock | $(BIN)/python
	@echo "Installing what requirements.lock names (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev-ready: requirements-dev.lock $(VENV)/.run-ready
	@echo "Installing what requirements-dev.lock names (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev-ready

run: $(VENV)/.run-ready
	@$(BIN)/tongban serve

test: $(VENV)/.dev-ready
	@$(BIN)/python -m pytest -n 2 $(ARGS)

# 20,000 timers that are due among 200,000, four workers, and again with workers killed: some minutes.
timers: $(VENV)/.dev-ready
	@TONGBAN_TEST_TIMERS=20000 $(BIN)/python -m pytest -s tests/promises/test_timers_at_scale.py $(ARGS)

# Many odd requests to every operation, by officers of every role: some minutes. FUZZ_SEED says which requests.
fuzz: $(VENV)/.dev-ready
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-150} $(BIN)/python -m pytest -s -n 2 tests/api/test_fuzz.py $(ARGS)

# SCALE=ci takes some minutes, 100k up to twenty. PARTS="small inbox" measures these alone, RUNS=5 in five rounds.
SCALE ?= ci
bench: $(VENV)/.dev-ready
	@$(BIN)/python -m bench --scale $(SCALE) $(if $(PARTS),--part $(PARTS)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

# Processes killed at random under load, PostgreSQL stopped as if the power had gone; SQLite with a quarter of the kills.
# KILLS, SECONDS (on each database) and SEED may be given; the last line says what was lost.
KILLS ?= 200
SECONDS ?= 1800
SEED ?= 1
crash: $(VENV)/.dev-ready
	@$(BIN)/python -W ignore -m tests.crash --kills $(KILLS) --seconds $(SECONDS) --seed $(SEED) $(ARGS)

# Two web, two worker hosts and a database host in network namespaces (as root, with the command ip): about six minutes.
cluster: $(VENV)/.dev-ready
	@$(BIN)/python -W ignore -m tests.crash.cluster --seed $(SEED) $(ARGS)

demo: $(VENV)/.run-ready
	@$(BIN)/tongban demo $(ARGS)

lint: $(VENV)/.dev-ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/tongban definitions check --all

# Asks a vulnerability service on the internet, so it is no part of lint: a closed network must not stop that.
audit: $(VENV)/.dev-ready
	@$(BIN)/pip-audit -r requirements.lock --require-hashes --disable-pip --progress-spinner off

lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache
