# Every target sets up what it needs: `make demo` on a fresh clone is enough.
# Variables, each with a default:
#   PYTHON         the CPython 3.11 that .venv is made of
#   DEVICE         cpu or cuda: which builds of torch and fbgemm to install
#   TEST_PROCESSES how many processes share the tests of `make test`
#   UV_FIND_LINKS  folders or pages with wheels, as pip's find-links; pip's own setting unless given
#   TORCH_INDEX    where the CPU build of torch comes from. PyPI's build brings several GB of CUDA, so that the default
#                  is PyTorch's CPU index; empty where UV_FIND_LINKS has a torch wheel, or to take PyPI's build.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3.11
DEVICE ?= cpu
TEST_PROCESSES ?= 2
TORCH := 2.13.0
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(DEVICE)
DEMO := .winnow/demo

PIP_LINKS := $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
empty :=
comma := ,
UV_FIND_LINKS ?= $(subst $(empty) $(empty),$(comma),$(strip $(PIP_LINKS)))
ifneq ($(strip $(UV_FIND_LINKS)),)
export UV_FIND_LINKS
endif
# Bytecode is made at install: a process that has to compile torch from source takes three times as long to start, and
# PYTHONDONTWRITEBYTECODE, set in many containers, has every process do so.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
TORCH_WHEELS := $(foreach folder,$(subst $(comma), ,$(UV_FIND_LINKS)),$(wildcard $(folder)/torch-$(TORCH)*))
TORCH_INDEX ?= $(if $(TORCH_WHEELS),,https://download.pytorch.org/whl/cpu)
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/python -m uv pip install --quiet

# The bundled node runs npm and what npm installs, wherever the machine has one of its own.
NPM := PATH="$(abspath $(BIN)):$$PATH" $(abspath $(BIN))/npm --prefix trainers/web
NODE_MODULES := trainers/web/node_modules/.package-lock.json

.PHONY: help setup demo test test-slow check format serve clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 18

setup: $(STAMP) ## make .venv with everything in it; nothing to do where what it needs is unchanged

# The stamp is written last, so that an interrupted set-up is taken up again where uv's cache left off.
$(STAMP): pyproject.toml trainers/web/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || { echo "$(PYTHON) is not CPython 3.11; install it, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 2; }
	@rm -f $(VENV)/.installed-*
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "making $(VENV) ..."; $(PYTHON) -m venv --clear $(VENV); }
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || { echo "installing uv ..."; $(BIN)/python -m pip install --quiet uv; }
	@echo "installing into $(VENV) ($(DEVICE)) ..."
	@$(install_$(DEVICE))
	@touch $@
	@echo "ready: source $(BIN)/activate, then winnow --help"

define install_cpu
if [ -n "$(strip $(TORCH_INDEX))" ] && ! $(BIN)/python -c 'import importlib.metadata as m; assert m.version("torch").split("+")[0] == "$(TORCH)"' 2>/dev/null; then \
  echo "  torch $(TORCH), without CUDA ..."; \
  $(UV) --no-deps --index-url "$(strip $(TORCH_INDEX))" torch==$(TORCH) \
  || { echo "no torch from $(TORCH_INDEX); name another index, or take PyPI's larger build: make setup TORCH_INDEX=" >&2; exit 2; }; \
fi; \
echo "  the packages that Winnow needs, and their bytecode: some minutes ..."; \
$(UV) -e '.[cpu,dev]'
endef

# The overrides of pyproject.toml are for the CPU; with CUDA it is the CPU build of fbgemm that stays out.
define install_cuda
printf '%s\n' "fbgemm-gpu-cpu ; extra == 'never'" 'torchmetrics>=1.9,<2' > $(VENV)/cuda-overrides.txt; \
$(BIN)/python -m uv pip uninstall --quiet -p $(BIN)/python fbgemm-gpu-cpu; \
echo "  torch $(TORCH) with CUDA, the other packages, and their bytecode: some minutes ..."; \
UV_FIND_LINKS= $(UV) --no-config --overrides $(VENV)/cuda-overrides.txt -e '.[cuda,dev]'
endef

demo: setup ## simulate a data set, search it with two workers, show what was pruned; leaves a report
	@rm -rf $(DEMO)
	@echo "demo, 1 of 2: simulate 60,000 rows of 32 features ..."
	@$(BIN)/winnow simulate --features 32 --rows 60000 --seed 7 --output $(DEMO)/data
	@echo "demo, 2 of 2: search, prune, fine-tune and evaluate with two workers ..."
	@$(BIN)/winnow run $(DEMO)/data/spec.yaml --output $(DEMO)/run --workers 2

test: setup ## run every test but the long experiments
	@$(BIN)/python -m pytest -m "not slow" -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test-slow: setup ## run the long experiments
	@$(BIN)/python -m pytest -m slow --timeout=7200

$(NODE_MODULES): trainers/web/package-lock.json
	@echo "installing the checks of the pages (npm) ..."
	@$(NPM) ci --silent --ignore-scripts --no-audit

check: setup $(NODE_MODULES) ## lint, format, strict types and the import rule
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(NPM) run --silent check
	@$(BIN)/python -m pytest tests/test_imports.py

format: setup $(NODE_MODULES) ## rewrite the code in its format, and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(NPM) run --silent format

serve: setup ## start the control plane on this machine: SQLite, local Ray
	@$(BIN)/winnow serve

clean: ## remove .venv, caches and the demo; not the runs
	rm -rf $(VENV) trainers/web/libraries trainers/web/node_modules .mypy_cache .ruff_cache .pytest_cache build *.egg-info $(DEMO)
