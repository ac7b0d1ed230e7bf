# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= $(VENV)/store

LOWEST ?= .venv-lowest
# A module's fixtures render and encode: its tests go to one worker, so that they do it once.
PYTEST := -m pytest -n auto --dist loadfile --durations=25
# Old versions are deprecated by the new ones of what they themselves require.
OLD := -W ignore::DeprecationWarning -W ignore::FutureWarning

.PHONY: demo test test-full lowest lint bench board clean

demo: $(VENV)/.installed  ## run the main job and print its leaderboard
	$(BIN)/rppgbench run protocols/synthetic_compressed.yaml --store $(STORE) --out $(VENV)/leaderboards

test: $(VENV)/.developing  ## run the tests of the gate
	$(BIN)/python $(PYTEST) -m "not full" $(TEST_ARGS)

test-full: $(VENV)/.developing  ## run all tests: statistical simulations, batch queues, every dataset end to end too
	$(BIN)/python $(PYTEST) $(TEST_ARGS)

lowest: $(LOWEST)/.testing  ## the tests of the gate, with the lowest version of every dependency that is allowed
	$(LOWEST)/bin/python $(PYTEST) -m "not full" $(OLD) $(TEST_ARGS)

lint: $(VENV)/.developing  ## style, spelling, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell *.md docs plugins protocols rppgbench
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.developing  ## the benchmarks of tests/benchmarks
	$(BIN)/python -m pytest tests/benchmarks -s $(BENCH_ARGS)

board: $(VENV)/.installed  ## make the committed board of the main job anew
	$(BIN)/rppgbench run protocols/synthetic_compressed.yaml --store $(STORE) --out leaderboards

clean:  ## forget the environments and everything computed
	rm -rf $(VENV) $(LOWEST)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable . --constraint constraints.txt
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

# Wheels alone: a release that would have to be compiled is none that a bound may name.
$(LOWEST)/.testing: pyproject.toml .ci/lowest.py
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip
	$(LOWEST)/bin/python -m pip install --quiet --no-deps --editable .
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --only-binary :all: --editable '.[test]' --constraint $(LOWEST)/lowest.txt
	touch $@
