# make study   the main job: accuracy against IR drop, into results/
# make test    lint, types and tests
# make lowest  telling tests with the lowest versions that pyproject.toml allows (Python 3.11)
# make docs    the site, into build/docs/index.html
# make slow    the tests that take more than a few seconds each
# make bench   the benchmarks behind the page on performance
# make validation   everything beside publications and other tools: docs/validation
# Each makes .venv and installs into it once; PYTHON chooses the interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet -c constraints.txt
INPUTS := pyproject.toml constraints.txt
# Two test processes of one thread each use two cores better than one of two; each begins in rooms of its own,
# so that kernels of a room are compiled by one of them.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# In an environment of their own; warnings of old versions are none of ours.
LOWEST := build/lowest

.PHONY: study test docs lowest lint slow bench validation clean

study: $(VENV)/studies.stamp
	$(BIN)/crossbarsim study ir-drop --out results/ir-drop

test: lint
	$(PYTEST) -m "not slow and not gpu"

lowest: build/lowest.stamp
	# SciPy's own implicit integrator, the reference of one test, finds no finite slopes in 1.11.
	$(LOWEST)/bin/python -m pytest -q -m "not slow and not gpu" -o filterwarnings= \
		@tests/telling.txt @tests/telling-torch.txt @tests/telling-lowest.txt

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	# The package is put together from three folders; mypy wants to find it as one.
	rm -rf build/types && mkdir -p build/types/crossbarsim
	ln -s $(CURDIR)/crossbarsim/* $(CURDIR)/netlists $(CURDIR)/solvers build/types/crossbarsim/
	cd build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p crossbarsim

docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -d build/doctrees docs build/docs

slow: $(VENV)/dev.stamp
	$(PYTEST) -m "slow and not gpu"

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks

validation: $(VENV)/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.validation

build/lowest.stamp: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet -c constraints-lowest.txt -e ".[studies,dask,klu]" pytest hypothesis
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/studies.stamp: $(INPUTS) | $(BIN)/python
	$(PIP) -e ".[studies]"
	touch $@

$(VENV)/dev.stamp: $(INPUTS) | $(BIN)/python
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/studies.stamp

$(VENV)/docs.stamp: $(INPUTS) | $(BIN)/python
	$(PIP) -e ".[docs]"
	touch $@ $(VENV)/studies.stamp

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	$(PIP) -e ".[dev,bench]"
	touch $@

clean:
	rm -rf $(VENV) results build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
