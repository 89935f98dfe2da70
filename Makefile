# From nothing to a denoised image: `make demo`. Needs Python 3.11 or newer, and a package index within reach.

PYTHON  ?= python3
TORCH   ?= torch==2.13.0
PROFILE ?= laptop
OUT     ?= output
BUDGET  ?= 90s
ARGS    ?=

VENV := .venv
PY   := $(VENV)/bin/python
PIP  := $(PY) -m pip --disable-pip-version-check install

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lab notebooks report clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Settings (make demo NAME=value): PYTHON=$(PYTHON) TORCH=$(TORCH) PROFILE=$(PROFILE) OUT=$(OUT) BUDGET=$(BUDGET)"

demo: $(VENV)/.user  ## set up, then denoise the bundled image through notebook 00: about two minutes
	$(PY) -m n2sr_lib.notebooks 00 --profile laptop --out $(OUT) -p BUDGET $(BUDGET) $(ARGS)
	@echo "The results are in $(OUT):" && ls $(OUT)

test: $(VENV)/.dev  ## set up, then check style and run all tests, two at a time (ARGS="-k noise" for some)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

lab: $(VENV)/.user  ## set up, then open the notebooks in JupyterLab
	$(PY) -m jupyterlab $(ARGS)

notebooks: $(VENV)/.user  ## run all notebooks (PROFILE=smoke, laptop or paper), copies into OUT
	$(PY) -m n2sr_lib.notebooks --profile $(PROFILE) --out $(OUT) $(ARGS)

report: $(VENV)/.user  ## write the README's tables and the table of claims from the records
	$(PY) -m n2sr_lib.report $(ARGS)

clean:  ## remove the environment and all caches of tools; results and downloads stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# PyTorch comes first and from its own line, so that nothing else decides which build of it is taken.
$(VENV)/.torch:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one, as in: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name a newer one, as in: make demo PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: the package python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	@touch $@

$(VENV)/.user: $(VENV)/.torch pyproject.toml
	@echo "Installing the package and JupyterLab: a minute or two"
	$(PIP) --quiet --editable '.[notebooks,em]'
	@touch $@

$(VENV)/.dev: $(VENV)/.user
	$(PIP) --quiet --editable '.[notebooks,em,sim,dev]'
	@touch $@
