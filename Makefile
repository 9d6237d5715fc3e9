PYTHON ?= python3
BIN := .venv/bin
# Set these to add to the commands: make baboon FLAGS="--config.seed=3", make test FLAGS="-m slow"
FLAGS ?=

.PHONY: baboon test lint docs wheel

baboon: $(BIN)/.installed
	$(BIN)/python -m scripts.train --config=configs/baboon.py $(FLAGS)

test: $(BIN)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(FLAGS)

lint: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(BIN)/.installed-docs
	$(BIN)/mkdocs build --strict $(FLAGS)

wheel: $(BIN)/.installed
	rm -rf build  # which would add files that are gone to the wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

$(BIN)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(BIN)/.installed-test: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

$(BIN)/.installed-docs: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@
