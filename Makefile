# Everything a developer runs. `setup` needs Python 3.11 or newer, make and git; it uses uv where uv is present.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements/dev.txt

DIST ?= dist
RELEASE := .release
RELEASE_LOCK := requirements/release.txt

.PHONY: help setup demo test test-real check format docs pictures lock release clean

help: ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with the locked dependencies and lens-gate itself

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) scripts/setup_venv.py $(VENV) $(LOCK) --project
	@touch $(STAMP)

demo: setup ## four verdicts on a simulated endpoint, one of them against stored runs
	@$(BIN)/lens-gate demo --output-dir demo-results --stored baselines
	@echo "The command is $(BIN)/lens-gate: $(BIN)/lens-gate init prints a configuration to start from."

# Hundreds of tests start Python anew: each would compile everything again where no bytecode may be kept.
test: export PYTHONDONTWRITEBYTECODE =
test: setup ## the tests that need nothing but Python and git
	@$(BIN)/python -m pytest -q -n auto -m "not real and not measuring" --cov --cov-report=
	@$(BIN)/python -m pytest -q -m "measuring and not real"
	@$(BIN)/python scripts/check_coverage.py

test-real: setup ## the tests against real servers, SDKs and runners, which this installs
	@$(BIN)/python scripts/install_real.py
	@$(BIN)/python -m pytest -m real -q -n 2 --dist loadfile -p no:randomly tests/real

check: setup ## lint, types, import contracts, schemas and docs in step
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python scripts/generate.py --check

format: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

docs: setup ## write the generated docs and schemas anew
	@$(BIN)/python scripts/generate.py

pictures: setup ## draw the README's pictures anew from the demo, with a browser that is there
	@$(BIN)/python scripts/pictures.py

baselines: setup ## measure the example baselines anew
	@$(BIN)/python scripts/example_baselines.py

lock: setup ## resolve the dependencies anew into requirements/*.txt
	@$(BIN)/python scripts/lock.py

$(RELEASE)/.installed: $(RELEASE_LOCK)
	@rm -rf $(RELEASE)
	@$(PYTHON) scripts/setup_venv.py $(RELEASE) $(RELEASE_LOCK)
	@touch $@

release: $(RELEASE)/.installed ## build wheel, zipapp, wheelhouse, SBOM and checksums into DIST (dist)
	@$(RELEASE)/bin/python scripts/release.py $(DIST)

clean: ## remove what the targets made
	rm -rf $(VENV) $(RELEASE) .real demo-results .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
