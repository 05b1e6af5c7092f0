PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: install demo test check slow bench golden clean

$(BIN)/dj-process: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(BIN)/dj-process

demo: install
	$(BIN)/python demos/partition_and_checkpoint/run_comprehensive_demo.py

test: install
	$(BIN)/python -m pytest -m "not slow"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow" tests/unit

slow: install
	$(BIN)/python -m pytest -m slow

golden: install
	$(BIN)/python -m pytest tests/golden -rA

bench: install
	$(BIN)/python -m benchmarks

clean:
	rm -rf outputs demo-outputs .pytest_cache .mypy_cache .ruff_cache
