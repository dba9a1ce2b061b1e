# What there is to run. Everything is set up in .venv by itself, from locked and hashed packages.
#
#   make run      set up and start a demo hub with a played PBX and CRM
#   make test     set up and run the test suite        (PYTEST_ARGS="-k lanes" picks tests)
#   make check    lint, format, types, import rules
#   make bench    the speed and memory figures
#   make assets   fetch the front-end packages again
#   make lock     bring the lock files up to date
#   make clean    remove what the above made

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test check format bench assets lock clean

PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
# A test process more than there are cores, up to five: a third of the time they wait. A file stays in one.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); \
	if [ $$n -gt 4 ]; then echo 5; else echo $$((n + 1)); fi)
PYTEST_ARGS ?=
RUN_ARGS ?=
BENCH_ARGS ?=

help:
	@sed -n 's/^#   //p' Makefile

run: $(VENV)/.run-ready
	$(BIN)/switchhook demo $(RUN_ARGS)

test: $(VENV)/.dev-ready
ifeq ($(strip $(PYTEST_ARGS)),)
	@bash tests/run.sh $(WORKERS)
else
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)
endif

check: $(VENV)/.dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(wildcard src tests bench build_assets.py)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev-ready
	$(BIN)/python -m bench $(BENCH_ARGS)

assets: $(VENV)/bin/pip
	rm -rf src/switchhook/web/static/vendor
	$(PIP) install --no-deps --editable .

# One version of a package for every Python, where there is one: people run what is tested.
lock: $(VENV)/bin/pip
	@command -v uv >/dev/null || $(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install uv
	@uv=$$(command -v uv || echo $(BIN)/uv); set -e; \
	compile() { \
		$$uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
			--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$$@"; \
	}; \
	compile requirements-dev.lock --group dev; \
	compile requirements.lock --constraint requirements-dev.lock

clean:
	rm -rf $(VENV) build dist src/switchhook/web/static/vendor \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# Setting up: a stamp that is newer than everything it is made from means that there is nothing to do.

$(VENV)/.run-ready: requirements.lock pyproject.toml build_assets.py frontend/package-lock.json | $(VENV)/bin/pip
	@echo "Installing the packages of requirements.lock into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.dev-ready: requirements-dev.lock pyproject.toml build_assets.py frontend/package-lock.json | $(VENV)/bin/pip
	@echo "Installing the packages of requirements-dev.lock into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(PIP) install --no-deps --editable .
	@touch $@ $(VENV)/.run-ready

# Debian and Ubuntu ship Python without the means to make a complete venv: borrow whatever pip or uv there is.
$(VENV)/bin/pip:
	@test -n "$(PYTHON)" || { echo "Switchhook needs Python 3.11 or newer: apt install python3 python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		$(PYTHON) -m venv --clear $(VENV); \
	elif command -v uv >/dev/null; then \
		uv venv --quiet --clear --seed --python $(PYTHON) $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; \
	else \
		echo "Python cannot make a venv here. One line mends it: sudo apt install python3-venv" >&2; exit 1; \
	fi
	@touch $@
