# Everything runs in .venv, which is made when it is first needed and whenever pyproject.toml has changed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready

.PHONY: help demo test soak lint ui clean

help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(READY) ## the main job on generated corpora: video files to a LaTeX table
	$(RUN) run_grid.py --grid domain_shift --demo

test: $(READY) ## all tests
	$(RUN) -m pytest

soak: $(READY) ## kill a small grid in every phase, again and again: KILLS=30 MINUTES=45 SEED=0
	PYTHONPATH=. $(RUN) tests/faults/soak.py --kills $(or $(KILLS),30) --minutes $(or $(MINUTES),45) --seed $(or $(SEED),0)

lint: $(READY) ## style
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

ui: $(READY) ## the demo's runs in MLflow, on this machine only
	$(VENV)/bin/mlflow server --host 127.0.0.1 --port 5000 --workers 1 --backend-store-uri sqlite:///$(CURDIR)/runs/demo/mlflow.db

clean: ## remove the environment, not the results
	rm -rf $(VENV)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; give one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[dev]'
	@touch $@
