# `make demo` is for visitors, `make test` is what CI runs. Both keep the environment that stands.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PACKAGES := audit_core plugins/audit_plugins reports/audit_reports
SOURCES := $(shell find $(PACKAGES) -type f -not -name '*.pyc')

.PHONY: help demo demo-text test lint types doors format clean

help:
	@echo "make demo    audit the three demo releases into demo-out (installs what an audit of files needs)"
	@echo "make demo-text  train a small language model without and with privacy, audit both (installs torch)"
	@echo "make test    lint, types, import doors and all tests (installs what developers need)"
	@echo "make format  let ruff rewrite the layout of the code"
	@echo "make clean   remove the environment and all that was built"

# An environment with the developers' set serves the demo too.
demo: $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.light)
	$(BIN)/sekisho demo --out demo-out --force

demo-text: $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.language)
	$(BIN)/sekisho demo text --out demo-text-out --force

test: lint types doors
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases examples benchmarks

doors: $(VENV)/.dev
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.light: pyproject.toml constraints.txt README.md $(SOURCES) | $(VENV)/bin/python
	$(PIP) install --quiet -c constraints.txt .
	@touch $@

$(VENV)/.language: pyproject.toml constraints.txt README.md $(SOURCES) | $(VENV)/bin/python
	$(PIP) install --quiet -c constraints.txt '.[language]'
	@touch $@

# Editable: a changed source needs no new installation.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo-out demo-text-out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
