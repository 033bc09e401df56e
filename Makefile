# What a person types: make setup, demo, test, test-portal, test-guides, test-engines, test-late, test-all, check, bench,
# web, wheel, site. A fresh machine needs python3.11 or newer with its venv module; the rest comes from requirements.lock.

# An interpreter that every user of the machine can execute, where there is one: root's own may lie in its home.
PYTHON ?= $(shell for one in /usr/bin/python3 python3; do $$one -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one && break; done || true)
ifeq ($(PYTHON),)
PYTHON := python3
endif
BIN := .venv/bin
STAMP := .venv/.complete
PYTEST := $(BIN)/python -m pytest
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PORTAL := src/launchyard/portal/static/index.html
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f ! -name .lock ! -name README.md -print)

.PHONY: setup demo test test-portal test-guides test-engines test-guest test-late test-all check static web types units units-and-tidy bench wheel docs site clean
.DELETE_ON_ERROR:

setup: $(STAMP) $(PORTAL)

# The portal, when something in web/ is newer than what was built.
$(PORTAL): $(STAMP) $(WEB_SOURCES)
	@$(BIN)/python web/build.py
	@touch $@

web: $(PORTAL)

# TypeScript's own check of the portal.
types: $(PORTAL)
	@cd web && $(CURDIR)/$(BIN)/python build.py check

# The only package that pip installs is uv, in the version and with the hashes of the lock file.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Launchyard needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 setup" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; rm -rf .venv; exit 1; }
	@awk '/^uv==/ { on = 1 } on && !/^(uv==| )/ { on = 0 } on' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install -q --require-hashes -r .venv/uv.lock
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync -q --system-certs --require-hashes --compile-bytecode requirements.lock || { echo "make: uv could not fetch all packages; trying pip, which reads this machine's pip configuration" >&2; $(BIN)/python -m pip install -q --require-hashes -r requirements.lock; }
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install -q --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@
	@echo "Ready: .venv/bin/ly"

# On a terminal it stays up until Ctrl-C; without one it ends by itself.
demo: setup
	@scripts/demo

# Four files at a time, those of the whole product first: most of them wait for a job, a clock or a disk. What says
# how fast something is comes last, alone. (Compiled tests are kept whatever the shell says: there are many of them.)
test test-portal test-guides test-engines test-late test-all: export PYTHONDONTWRITEBYTECODE =
test: setup
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder -m "not slow and not alone" --ignore=tests/browser
	$(PYTEST) -m "alone and not slow" --ignore=tests/browser

# The pages, in a real browser. What drives it keeps the event loop of its process: nothing else may run in it.
test-portal: setup
	$(PYTEST) -n 2 --dist loadfile -m "not slow" tests/browser

# The guides of the engines, typed as they are written (scripts/install-slurm, install-ray).
test-guides: setup
	$(PYTEST) tests/slurm/test_page.py tests/ray/test_ray_up.py

# Everything, with soak tests, negative controls and the real Slurm beside ours; what repeats itself does it often.
test-all: export LAUNCHYARD_THOROUGH = 1
test-all: test test-portal test-engines test-late
	$(PYTEST) -m slow --ignore=tests/browser
	$(PYTEST) -m slow tests/browser

# What people do on one machine, with JupyterLab in a browser, on a real Slurm and on a real Ray cluster
# (scripts/install-slurm, install-ray).
ON_ENGINES := tests/system/test_demo.py tests/system/test_ray_api.py tests/system/test_ray_jobs.py \
	tests/system/test_session_apps.py tests/slurm/test_clients.py
ENGINES ?= slurm ray
test-engines: setup
	@for engine in $(ENGINES); do \
		echo "On engine $$engine:" && $(PYTEST) --engine $$engine $(ON_ENGINES) && \
			$(PYTEST) --engine $$engine tests/browser/test_notebooks.py || exit 1; \
	done

# Things happen in other orders: daemon and launcher pass their points late (src/launchyard/faults.py). Part of test-all.
LATE := $(foreach subject,faults_jobs lifecycle metrics notify requests sdk_* session_* sessions* slurm_* steps sweeps \
	two_users,tests/system/test_$(subject).py) tests/tour
test-late: setup
	LAUNCHYARD_FAULT=late:200 LAUNCHYARD_LAUNCHER_FAULT=late:100 $(PYTEST) -n 4 --dist loadfile -m "not slow and not alone" $(LATE)

# The launcher in a small Debian under qemu, with cgroup v2 alone (scripts/install-guest). Part of test-all.
test-guest: setup
	$(PYTEST) tests/guest

# Before each commit: under 10 s with a warm cache.
check: $(STAMP)
	@$(MAKE) --no-print-directory -j3 --output-sync=target units units-and-tidy static
	@echo "check: all good"

static: $(STAMP)
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo --config pyproject.toml > .venv/lint-imports.out || { cat .venv/lint-imports.out; exit 1; }
	@$(BIN)/mypy --no-error-summary

# In two parts that take about as long, beside each other. (Files named one by one are collected far slower.)
QUICK := $(PYTEST) --no-header --hypothesis-profile=quick -m "not served and not slow and not long"

units-and-tidy: $(STAMP)
	@$(QUICK) tests/tidy tests/unit --ignore-glob='*/unit/test_[p-z]*'

units: $(STAMP)
	@$(QUICK) tests/unit --ignore-glob='*/unit/test_[!p-z]*'

# The pages that are made from the code.
docs: $(STAMP)
	@$(BIN)/python -m tests.tidy.pages

# The documentation as a site, in dist/site: any web server can serve it. A warning is an error (mkdocs.yml).
site: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Site: dist/site/index.html"

# Compiled first, as in an installation: whom it runs for may not be able to keep what Python compiles.
bench: setup
	@$(BIN)/python -m compileall -q src benchmarks tests/system
	$(BIN)/python -m benchmarks --report docs/benchmarks.md

wheel: setup
	@$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
