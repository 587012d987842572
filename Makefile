# Two commands to know: `make demo` and `make test`. Both set up .venv on first use, from pinned versions.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MARK ?= not slow
JOBS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# -qq: errors are still shown; a machine's own pip settings may warn about things that do not matter here.
INSTALL := $(BIN)/python -m pip install -qq --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo demo-story test faults fuzz audit check lint format types bench clean

help:
	@echo "make demo     train on examples/townhall.csv and write a report"
	@echo "make demo-story  let a language model learn a style, and write in it (STORIES=folder WRITER=model)"
	@echo "make test     run the tests (all but the slow ones; MARK= runs every one)"
	@echo "make faults   strike runs at every write, fill disks, damage files (GRAFT_FAULTS=200 random kills)"
	@echo "make fuzz     feed odd files and words to the readers and the command line (FUZZ=5000 examples each)"
	@echo "make audit    ask for known vulnerabilities of the pinned versions (needs the network)"
	@echo "make check    lint, types and tests"
	@echo "make format   put the code into its canonical form"
	@echo "make bench    run the benchmarks (NAME=training runs that one)"
	@echo "make clean    remove what these commands made, .venv included"

# What `graft` needs to run. The stamp is written last, so a broken set-up is done again, a finished one never.
$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV): once, some minutes."
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name it: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade pip
	@$(INSTALL) --build-constraint constraints.txt --editable '.[offline]'
	@touch $@

# What working on graft needs besides.
$(VENV)/.ready-dev: $(VENV)/.ready
	@$(INSTALL) --group dev
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-dev
	@$(INSTALL) --group bench
	@touch $@

demo: $(VENV)/.ready
	@rm -rf runs/demo
	@$(BIN)/graft run examples/townhall.csv --model embedded --out runs/demo

# Stories and a model at hand where there are some, else graft's own pages and the hub's gpt2. One epoch, so that it
# takes minutes; `graft run` by itself goes on for as long as held-out text gains.
DATA := $(or $(GRAFT_DATA),../shared/data)
MODELS := $(or $(GRAFT_MODELS),../shared/models)
STORIES := $(firstword $(wildcard $(DATA)/lovecraft) docs)
WRITER := $(firstword $(wildcard $(MODELS)/gpt2-gothic) gpt2)
CONTRAST := $(addprefix --contrast ,$(wildcard $(DATA)/gothic_fiction))
demo-story: $(VENV)/.ready
	@rm -rf runs/story
	@$(BIN)/graft run $(STORIES) --task write --model $(WRITER) --neutral examples/townhall.csv $(CONTRAST) --epochs 1 --out runs/story
	@$(BIN)/graft generate runs/story --prompt "It was a night" --tokens 120 --beside

# Two processes by the file, one thread each: tiny models gain from processes, not from threads. What hangs fails by name;
# where not even a signal gets through, every thread's stack is shown. Files come in their order, not those of many tests
# first: the few tests that take minutes would be left for the end, where one process waits for the other.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
TESTS += --max-worker-restart 2 --timeout 600 -o faulthandler_timeout=900
test: $(VENV)/.ready-dev
	@$(TESTS) -m "$(MARK)"

# FUZZ: examples of each fuzz test.
FUZZ := 5000
fuzz: $(VENV)/.ready-dev
	@GRAFT_FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/fuzz

faults: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest tests/faults

# Known vulnerabilities of the pinned versions: the one target that asks a service on the network.
audit: $(VENV)/.ready
	@test -x $(VENV)/audit/bin/pip-audit || { python3 -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install -q pip-audit; }
	@$(VENV)/audit/bin/pip-audit -r constraints.txt --no-deps --disable-pip

check: lint types test

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(VENV)/.ready-dev
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

types: $(VENV)/.ready-dev
	@$(BIN)/mypy

# NAME: one of them (make bench NAME=training). SETTINGS: for each of them (SETTINGS="--rounds 1").
NAME :=
SETTINGS :=
bench: $(VENV)/.ready-bench
	@$(BIN)/python benchmarks $(NAME) $(if $(SETTINGS),-- $(SETTINGS))

clean:
	rm -rf $(VENV) runs/demo runs/story .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
