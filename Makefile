# make serve   run the service at http://127.0.0.1:8000 (first time: sets up .venv, builds the kernels)
# make test    run all tests                              make lint    style, types, formatting
# make bench   kernels, peers and the machine's limit      make clean   remove what was installed and built
# make test-arm   the ARM kernels under QEMU              make sanitize   the kernels under sanitizers
# make fuzz SECONDS=600   hostile geometry to the kernels, hostile files to the loader
# make stack   the service with Redis and Prometheus      make load    the service's figures, a minute
# make users   15 s of Locust's users, at HOST
# make train DATA=folder-of-faces   train the three generators into runs/
# make results   the tables and plots of README.md and docs/, from what is logged and from the code
# make docs    the documentation, into build/site         make docs-serve   the same, served while it is written
#
# Needed: Linux, Python 3.11 or later; for speed a C compiler (cmake and ninja come as wheels).

PYTHON ?= python3
HOST ?= http://127.0.0.1:8000
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
MKDOCS := NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs # silences Material's notice: see mkdocs.yml
C_SOURCES := $(wildcard kernels/c/* kernels/c/*/*)

.DEFAULT_GOAL := help
.PHONY: help serve stack load users test test-arm sanitize fuzz lint train data-named results bench docs docs-serve clean

help:
	@sed -n 's/^# \{0,1\}//p; /^$$/q' Makefile

serve: $(VENV)/.serve
	@$(RUN) -m service

# Other ports: make stack STACK='--redis-port 6380 --prometheus-port 9091'
stack: $(VENV)/.serve
	@$(PIP) --editable '.[stack]'
	@$(RUN) -m deploy.stack $(STACK)

# In full, beside LitServe (extra `peers`): .venv/bin/python -m benchmarks.serving
load: $(VENV)/.serve
	@$(RUN) -m benchmarks.serving --short

# Locust's page, with more time and users: .venv/bin/locust -f loadtest/
users: $(VENV)/.serve
	@$(PIP) --editable '.[loadtest]'
	@$(VENV)/bin/locust -f loadtest/ --headless --users 16 --spawn-rate 16 --run-time 15s --only-summary --host $(HOST)

docs: $(VENV)/.docs
	@$(MKDOCS) build --strict

docs-serve: $(VENV)/.docs
	@$(MKDOCS) serve

# Tests of servers mostly wait, so files run side by side; a server is shared within a file. The order is that of
# tests/conftest.py: xdist's own would begin files of few tests last, however long these take.
test: $(VENV)/.develop
	@$(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Needed: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user. `make test` runs these too where they are there.
test-arm: $(VENV)/.develop
	@$(RUN) -m pytest tests/arm

# `make test` tries a few random generators under AddressSanitizer and UndefinedBehaviorSanitizer; this, many.
sanitize: $(VENV)/.develop
	@PBGEN_TEST_EXAMPLES=1000 $(RUN) -m pytest tests/builds -k sanitizers

# Needed: clang with libFuzzer (Debian: clang, libclang-rt-14-dev).
fuzz: $(VENV)/.develop
	@test -n "$(SECONDS)" || { echo 'Say how long each target may take: make fuzz SECONDS=600' >&2; exit 2; }
	@$(PIP) --editable '.[fuzz]'
	@$(RUN) -m tests.fuzz $(SECONDS)

lint: $(VENV)/.develop
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy
	@$(VENV)/bin/clang-format --dry-run -Werror $(filter %.c %.h,$(C_SOURCES) $(wildcard tests/*/*)) benchmarks/peak.c

train: data-named $(VENV)/.develop
	@for variant in float full partial; do $(RUN) -m training train --variant $$variant runs/$$variant --data "$(DATA)" || exit; done

data-named:
	@test -n "$(DATA)" || { echo 'Name a folder of faces: make train DATA=FOLDER' >&2; exit 2; }

results: $(VENV)/.develop
	@$(RUN) -m docs

# A glance at all: make bench BENCH=--quick; at the kernels alone: .venv/bin/python -m kernels.bench
bench: $(VENV)/.peers
	@$(RUN) -m benchmarks.inference $(BENCH)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f kernels/libpbgen-kernels.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps. An editable install puts the built library into kernels/, where the checkout's own
# modules find it; it is repeated when the project file or a C source changes, not otherwise.
INPUTS := pyproject.toml CMakeLists.txt $(C_SOURCES)

$(VENV)/.serve: $(INPUTS) | $(RUN)
	@echo 'Installing what the service needs and building the kernels …'
	@$(PIP) --editable .
	@$(check-library)
	@touch $@

$(VENV)/.docs: $(VENV)/.serve
	@$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.develop: $(INPUTS) | $(RUN)
	@echo 'Installing what the tests need (PyTorch among it) and building the kernels …'
	@$(PIP) --editable '.[bulk,dev,docs,loadtest,remote,tracing,train]'
	@$(check-library)
	@touch $@ $(VENV)/.serve $(VENV)/.docs

# A peer that cannot be installed must not keep the others away: it is then reported as absent.
$(VENV)/.peers: $(INPUTS) | $(RUN)
	@echo 'Installing the peers (PyTorch, ONNX Runtime, OpenVINO) and building the kernels …'
	@$(PIP) --editable '.[peers]' || { $(PIP) --editable . && $(RUN) -c "import tomllib; \
	    print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['peers'], sep='\n')" \
	    | while read -r peer; do $(PIP) "$$peer" || echo "not installed: $$peer" >&2; done; }
	@$(check-library)
	@touch $@ $(VENV)/.serve

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'PBGen needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

define check-library
ls kernels/libpbgen-kernels.* >/dev/null 2>&1 || printf '%s\n' \
    '*****************************************************************************' \
    '* WARNING: no C compiler was found, so the kernels were not built.          *' \
    '* Pictures will be the same, but many times slower (NumPy). Install a C     *' \
    '* compiler (gcc or clang), run "make clean" and start again.                *' \
    '*****************************************************************************' >&2
endef
