# failstatic: what happens to the network when its brain goes away?
# Every target does the set-up that it needs; the second time that takes a moment.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin

question = $(if $(POLICY),--policy $(POLICY)) $(if $(TOPOLOGY),--topology $(TOPOLOGY)) $(if $(SEED),--seed $(SEED))
options = $(question) \
          $(if $(BACKEND),--backend $(BACKEND)) $(if $(JOBS),--jobs $(JOBS))

# Told before the set-up, which may take minutes.
ASKING := $(firstword $(filter experiment agree,$(MAKECMDGOALS)))
ifneq (,$(ASKING))
ifeq (,$(strip $(NAME)))
SHIPPED := $(sort $(basename $(notdir $(wildcard experiments/catalogue/*.yaml experiments/catalogue/incidents/*.yaml))))
$(error which experiment? make $(ASKING) NAME=$(firstword $(SHIPPED)). There are: $(SHIPPED); or a YAML file of your own)
endif
endif

ifneq (,$(filter sweep,$(MAKECMDGOALS)))
ifeq (,$(strip $(NAME)))
SWEEPS := $(sort $(basename $(notdir $(wildcard experiments/catalogue/sweeps/*.yaml))))
$(error which sweep? make sweep NAME=$(firstword $(SWEEPS)). There are: $(SWEEPS); or a YAML file of your own)
endif
endif

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup:  ## system packages and virtual environment; quick when they are there
	@VENV=$(VENV) scripts/setup.sh

.PHONY: experiment
experiment: setup  ## run one: NAME=control-plane-loss [POLICY=a,b] [TOPOLOGY=…] [SEED=n] [BACKEND=…] [JOBS=n]
	@$(BIN)/failstatic run "$$NAME" $(options)

.PHONY: sweep
sweep: setup  ## run an experiment at many points: NAME=cut-anywhere [WORKERS=n] [SCHEDULER=tcp://…]
	@$(BIN)/failstatic sweep "$$NAME" $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

.PHONY: survive
survive: setup  ## how long designs live without a brain: NAME=headless-survival [TOPOLOGY=a,b] [POLICY=a,b] [WORKERS=n]
	@$(BIN)/failstatic survive "$${NAME:-headless-survival}" $(if $(TOPOLOGY),--topology $(TOPOLOGY)) \
	  $(if $(POLICY),--policy $(POLICY)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

.PHONY: matrix
matrix: setup  ## designs × faults in one table: [POLICY=a,b] [FAULT=x,y@target] [HEADLESS=1] [TOPOLOGY=…] [BACKEND=…] [SEEDS=n]
	@$(BIN)/failstatic matrix $(if $(POLICY),--policies "$$POLICY") $(if $(FAULT),--faults "$$FAULT") $(if $(HEADLESS),--headless) \
	  $(if $(TOPOLOGY),--topology $(TOPOLOGY)) $(if $(BACKEND),--backend $(BACKEND)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

.PHONY: compare
compare: setup  ## is B worse than A? A=baseline.json|RUNS B=RUNS [LAST=n]
	@$(BIN)/failstatic compare "$$A" "$$B" $(if $(LAST),--last $(LAST))

.PHONY: agree
agree: setup  ## one experiment on both backends, compared pair by pair: NAME=… [POLICY=a,b] [TOPOLOGY=…] [SEED=n]
	@$(BIN)/failstatic agree "$$NAME" $(question)

.PHONY: doctor
doctor: setup  ## what this machine can do, and how to get what is missing
	@$(BIN)/failstatic doctor

.PHONY: test
test: unit  ## all tests, packets one after the other; those that this machine cannot run say why
	@$(BIN)/pytest tests/emulation $(PYTEST_ARGS)

.PHONY: unit
unit: setup  ## the tests that need no root, no Mininet and no Ryu
	@$(BIN)/pytest --numprocesses auto --dist worksteal tests/unit tests/golden $(PYTEST_ARGS)

.PHONY: lint
lint: setup  ## ruff, mypy --strict, the layers
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run 'make format'"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup  ## let ruff put the code in order
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

.PHONY: bench
bench: setup  ## the performance bounds, measured on this machine
	@$(BIN)/python tests/bench $(BENCH_ARGS)

.PHONY: clean
clean:  ## remove the virtual environment and caches; results stay
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
