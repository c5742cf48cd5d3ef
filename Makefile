# Everything runs in .venv, which is made when it is first needed and whenever pyproject.toml has changed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
# A file's tests share what they set up, so they stay together, in the order of tests/conftest.py.
TWO_AT_ONCE := OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder
OUT ?= runs/demo
# Tests start hundreds of processes, none of which should compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-long test-cluster soak lint check ui clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(READY) ## the main job on generated corpora: video files to a LaTeX table
	$(RUN) run_grid.py --grid domain_shift --demo
	@echo "All other commands of README are for this environment: source $(VENV)/bin/activate"

test: $(READY) ## the tests on one machine; those that start Ray, which uses all cores, after the others
	$(TWO_AT_ONCE) -m 'not cluster and not ray and not long'
	$(RUN) -m pytest -m 'ray and not cluster and not long'

test-long: $(READY) ## the tests that `make test` leaves to quicker ones: a real outage, compilation, four workers
	$(RUN) -m pytest -m 'long and not cluster'

test-cluster: $(READY) ## clusters of several nodes, made of namespaces: as root, with iproute2, openssh and rsync
	$(RUN) -m pytest -m cluster

soak: $(READY) ## strike a small grid's processes, again and again: KILLS=50 MINUTES=90 SEED=0, FOLDER=DIR to add up
	PYTHONPATH=. $(RUN) tests/faults/soak.py --kills $(or $(KILLS),50) --minutes $(or $(MINUTES),90) \
		--seed $(or $(SEED),0) $(if $(FOLDER),--folder "$(FOLDER)")

lint: $(READY) ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

check: $(READY) ## style, types, and the quick tests: for every few minutes of work
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(TWO_AT_ONCE) -m 'not cluster and not ray and not slow and not long' -q

ui: $(READY) ## a folder's runs in MLflow at http://127.0.0.1:5000, for this machine alone: OUT=runs/demo
	$(RUN) -m grid ui --out "$(OUT)"

clean: ## remove the environment, not the results
	rm -rf $(VENV)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; give one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]'
	@touch $@
