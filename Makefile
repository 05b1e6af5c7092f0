PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that run tests side by side; make test WORKERS=0 runs them one after the other in one.
WORKERS ?= logical
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# Where .ci/run installs it.
AZURITE_HERE := .azurite/node_modules/.bin/azurite-blob

# Bytecode is kept even where the environment says otherwise: tests start thousands of processes, and each would compile the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test check slow soak bench golden clean reliability site

$(BIN)/dj-process: pyproject.toml setup.py constraints.txt $(wildcard data_juicer/kernels/native/*.[ch])
	@echo "installing into $(VENV): a minute or two, once"
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(BIN)/dj-process

# Kills a job in its middle, resumes it, compares the bytes. Also makes demo-outputs/data/stdlib.jsonl.
demo: install
	@$(BIN)/python demos/partition_and_checkpoint/run_comprehensive_demo.py

# All tests but those that take minutes.
test: install
	$(PYTEST) -m "not slow"
	@command -v chromium chromium-browser google-chrome > /dev/null || \
		echo "no Chromium was found: the tests of the page in a browser (tests/browser) were skipped"
	@test -n "$$AZURITE" -o -x $(AZURITE_HERE) || command -v azurite-blob > /dev/null || \
		echo "no Azurite was found: the tests of Azure's protocol (tests/cloud/test_azure.py) were skipped"

# Form, types and the tests of single modules.
check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -m "not slow" tests/unit

# Crash, kill and soak tests.
slow: install
	$(PYTEST) -m slow

# A thousand random kills over random recipes, in about 25 minutes; make soak KILLS=100 SEED=7.
soak: install
	nice $(BIN)/python -m tests.soak --kills $(or $(KILLS),1000) --seed $(or $(SEED),$(shell date +%Y%m%d))

# Every failure once; writes docs/reliability.md.
reliability: install
	RELIABILITY=write $(BIN)/python -m pytest tests/crash/test_failures.py

# Operators against the cases that DataJuicer's own were recorded on.
golden: install
	$(BIN)/python -m pytest tests/golden -rA

# Measured figures beside their targets.
bench: install
	$(BIN)/python -m benchmarks

# The pages of docs/ as a site in site/, without a warning.
site: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf .azurite site outputs demo-outputs benchmarks/out .pytest_cache .mypy_cache .ruff_cache .hypothesis
