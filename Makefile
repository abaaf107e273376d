# Two commands do everything on a fresh machine that has Python 3.11 and make:
#   make demo   the demo store, from data to the measured campaign, then the site
#   make test   the whole test suite
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
# One thread a process: two workers on two cores do not fight, and results do not depend on the number of cores.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

# Returns when the servers of a data folder have stopped, some three seconds after their last user, so that nothing of
# a finished command runs on. Whoever else uses them keeps them up: after half a minute it returns all the same.
settled = $(PY) -c 'import fcntl, signal; signal.alarm(30); fcntl.flock(open("$(1)/owner.lock"), fcntl.LOCK_EX)' || true

.PHONY: demo demo-headless serve test lint clean-demo help

help:
	@sed -n 's/^#   //p' Makefile

# The stamp carries the pins: a changed requirements.txt installs again, an unchanged one costs nothing.
$(VENV)/installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "attune: $(PYTHON) is not on the PATH; install Python 3.11 or call make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "attune: installing the pinned packages (about two minutes the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt
	@$(PY) -c "import torch" 2>/dev/null || { echo "attune: this build of torch cannot be loaded here (a GPU build without its libraries?); put the CPU build in its place and call make again:"; echo "  $(PY) -m pip install --no-deps --force-reinstall torch==2.13.0 --index-url ADDRESS   (ADDRESS: the CPU index that the selector on pytorch.org names)"; exit 1; }
	@cp requirements.txt $@

demo: $(VENV)/installed
	@$(PY) manage.py demo

demo-headless: $(VENV)/installed
	@$(PY) manage.py demo --headless; status=$$?; $(call settled,.data); exit $$status

serve: $(VENV)/installed
	@$(PY) manage.py serve

test: $(VENV)/installed
	@$(PY) -m pytest -n 2 --dist loadfile; status=$$?; $(call settled,.data/test/nosync); exit $$status

lint: $(VENV)/installed
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache

clean-demo:
	@rm -rf .data && echo "attune: .data is gone; make demo starts anew"
