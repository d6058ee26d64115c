# For who has make: each target is a task of tasks.py, which also runs by itself, on Windows too.
# Another interpreter: make PYTHON=python3.12 run

PYTHON ?= python3
TASKS := run test lab notebooks lint site slides handout class twins

.PHONY: help address grade $(TASKS)
.DEFAULT_GOAL := help

help $(TASKS):  # as `python tasks.py` lists them
	@command -v $(PYTHON) >/dev/null || { \
	  echo "'$(PYTHON)' is not there. Try: make PYTHON=python3.12 $@" >&2; exit 2; }
	@$(PYTHON) tasks.py $@

grade:  # make grade FROM=folder-of-submissions
	@$(PYTHON) tasks.py grade $(if $(FROM),"$(FROM)")

address:  # make address URL=https://github.com/OWNER/REPOSITORY
	@$(PYTHON) tasks.py address "$(URL)"
