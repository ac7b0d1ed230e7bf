# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= $(VENV)/store

.PHONY: demo test lint bench board clean

demo: $(VENV)/.installed  ## run the main job and print its leaderboard
	$(BIN)/rppgbench run protocols/synthetic_compressed.yaml --store $(STORE) --out $(VENV)/leaderboards

test: $(VENV)/.developing  ## run the tests
	$(BIN)/python -m pytest -n auto $(TEST_ARGS)

lint: $(VENV)/.developing  ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.developing  ## the benchmarks of tests/benchmarks
	$(BIN)/python -m pytest tests/benchmarks -s $(BENCH_ARGS)

board: $(VENV)/.installed  ## make the committed board of the main job anew
	$(BIN)/rppgbench run protocols/synthetic_compressed.yaml --store $(STORE) --out leaderboards

clean:  ## forget the environment and everything computed
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable . --constraint constraints.txt
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@
