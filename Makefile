# Each target sets itself up: a virtual environment in .venv with the pins of requirements.txt.
# Another interpreter: make PYTHON=python3.12 run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NOTEBOOKS := $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb)

.PHONY: help run test lab notebooks lint
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
	  printf '  make %-10s %s\n' "$$name" "$$text"; done

run: $(STAMP)  ## train, measure and compare all families; leaves runs/compare/report.html
	$(BIN)/gentut compare --out runs/compare

test: $(STAMP) lint  ## lint, unit tests, and every notebook and its solutions in quick mode
	$(BIN)/python -m pytest tests -n 2 --dist loadfile
ifneq ($(NOTEBOOKS),)
	@rm -rf .notebooks
	$(BIN)/python tests/with_solutions.py .notebooks $(NOTEBOOKS)
	GENTUT_QUICK=1 $(BIN)/python -m pytest --nbval-lax --nbval-current-env \
	  --nbval-cell-timeout=600 .notebooks/*.ipynb
endif

lab: $(STAMP)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: $(STAMP)  ## run every notebook in full and store its outputs (slow)
ifneq ($(NOTEBOOKS),)
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace \
	  --ExecutePreprocessor.record_timing=False \
	  --ClearMetadataPreprocessor.enabled=True \
	  --ClearMetadataPreprocessor.clear_cell_metadata=False \
	  --ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec \
	  --ClearMetadataPreprocessor.preserve_nb_metadata_mask=language_info $(NOTEBOOKS)
endif

lint: $(STAMP)  ## style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The stamp is younger than the two files that say what to install, so a second call is fast.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "gentut needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo not there). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	  exit 2; }
	@echo "Installing into $(VENV); the first time takes a few minutes."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --requirement requirements.txt --editable .
	@touch $@
