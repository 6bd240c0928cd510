# The commands of this project. `make demo` and `make test` need Python >= 3.10, git and make, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := src tests examples bench
SCRIPTS := examples/orchestrator/bin/claude examples/orchestrator/bin/codex

.PHONY: help demo test truth lint types build clean prerequisites

help:  ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo  ## Run a multi-agent program under opentelemetry-instrument and print the report
	PATH="$(BIN):$$PATH" opentelemetry-instrument python examples/orchestrator/main.py
	@"$(BIN)/agent-otel" report

test: $(VENV)/.dev  ## Run the tests, with branch coverage
	rm -f .coverage .coverage.*
	"$(BIN)/python" -m pytest -n 2 --dist loadfile -m "not alone" --cov --cov-report= --cov-fail-under=0
	"$(BIN)/python" -m pytest -m alone --cov --cov-append --cov-report term-missing:skip-covered

truth: $(VENV)/.dev  ## Hold what-if predictions against twenty real runs of each kind
	TRUTH_RUNS=20 "$(BIN)/python" -m pytest -m alone tests/examples/test_whatif_truth.py -s --timeout 3600

lint: $(VENV)/.dev  ## Style, import layers and file sizes
	"$(BIN)/ruff" check $(SOURCES) $(SCRIPTS)
	"$(BIN)/ruff" format --check $(SOURCES) $(SCRIPTS)
	"$(BIN)/lint-imports"
	@long=$$(git ls-files '*.py' | xargs wc -l | awk '$$1 > 400 && $$2 != "total"'); \
	  if [ -n "$$long" ]; then echo "over 400 lines:"; echo "$$long"; exit 1; fi

types: $(VENV)/.dev  ## mypy --strict and pyright strict, tests included
	"$(BIN)/mypy"
	"$(BIN)/mypy" --scripts-are-modules $(SCRIPTS)
	"$(BIN)/pyright"

build: $(VENV)/.dev  ## The wheel and the source distribution, in dist/
	rm -rf dist
	"$(BIN)/python" -m build --outdir dist .

clean:  ## Remove what make has made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

$(VENV)/.demo: pyproject.toml constraints.txt | prerequisites
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | prerequisites
	@test -x "$(BIN)/python" || "$(PYTHON)" -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.demo

prerequisites:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "make: $(PYTHON) is missing: apt-get install python3 python3-venv (or: make PYTHON=/path/to/python)" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "make: $(PYTHON) is older than 3.10: make PYTHON=python3.11" >&2; exit 2; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make environments: apt-get install python3-venv" >&2; exit 2; }
	@command -v git >/dev/null || { echo "make: git is missing: apt-get install git" >&2; exit 2; }
