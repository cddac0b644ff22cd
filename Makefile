# Each target creates .venv and installs what it needs when that is missing.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
ARGS ?=
.DEFAULT_GOAL := help
.PHONY: help demo test slow oldest lint spelling hooks types imports docs bench clean

help:  ## say what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# says "new" or "old 2.7"; written so that Python 2 reads it too
ASK := import sys; sys.stdout.write("new" if sys.version_info >= (3, 11) else "old %d.%d" % tuple(sys.version_info[:2]))
ANOTHER := Name another one: make PYTHON=python3.11 ...

.venv/bin/python:
	@said=$$($(PYTHON) -c '$(ASK)' 2>&1); case "$$?:$$said" in \
	  0:*new) ;; \
	  0:*old\ *) echo "custintel needs Python 3.11 or newer; $(PYTHON) is older: $${said##*old }. $(ANOTHER)"; exit 1 ;; \
	  126:*|127:*|12[89]:*|1[3-9][0-9]:*|*"Fatal Python error"*) \
	    echo "$(PYTHON) does not start: $$said. $(ANOTHER)"; exit 1 ;; \
	  *) echo "$(PYTHON) is not Python: it did not say its version but: $$said. $(ANOTHER)"; exit 1 ;; \
	esac
	$(PYTHON) -m venv .venv

# a stamp file a set of extras: installed again when setup.cfg changes
.venv/.installed-%: .venv/bin/python setup.cfg pyproject.toml
	@echo "installing custintel[$*] into .venv (the first time takes a few minutes)"
	@$(PIP) install -e '.[$*]'
	@touch $@

demo: .venv/.installed-train  ## simulate an operator: churn, value, fraud, offers, decisions; start at demo/index.html
	@$(BIN)/custintel demo --out demo $(ARGS)

test: .venv/.installed-dev  ## the default test suite
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

slow: .venv/.installed-dev  ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow $(ARGS)

oldest:  ## the default test suite on the oldest versions that setup.cfg allows (in .venv-oldest)
	@$(PYTHON) .ci/oldest_versions.py -n 2 --dist loadgroup $(ARGS)

lint: .venv/.installed-dev  ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

spelling: .venv/.installed-dev  ## typos; the words that are meant stand in pyproject.toml
	@$(BIN)/typos

hooks: lint spelling  ## what .pre-commit-config.yaml runs before a commit, on all files
	@$(BIN)/python .ci/check_files.py

types: .venv/.installed-dev  ## mypy --strict
	@$(BIN)/mypy

imports: .venv/.installed-dev  ## layers: a room imports only from rooms below it
	@$(BIN)/lint-imports --no-cache

docs: .venv/.installed-docs  ## regenerate the generated pages and build the site into site/
	@$(BIN)/python docs/generate.py
	@$(BIN)/mkdocs build --strict

bench: .venv/.installed-dev  ## benchmarks: feature speed and quality on real tables (minutes)
	@$(BIN)/python experiments/feature_speed.py
	@$(BIN)/python experiments/real_tables.py

clean:  ## remove what the commands made (not .venv)
	rm -rf demo site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
