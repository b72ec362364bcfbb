# All files are created inside the checkout: .venv, .tools, .cache, var.
SHELL := /bin/bash
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
export UV_PYTHON_DOWNLOADS ?= never
export UV_LINK_MODE ?= copy
# More than processors, because tests wait for browsers, processes and databases; with twice as many, they disturb each
# other. On two processors, the suite took 271 s with three workers, and 324 s with two or four.
TEST_WORKERS ?= $(shell echo $$((3 * $$(getconf _NPROCESSORS_ONLN) / 2)))
PYTEST_ARGUMENTS ?=
# pytest keeps the modules that it prepares, whatever the environment says: preparing them takes half of a process's start.
PYTEST = PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -n $(TEST_WORKERS) --dist worksteal $(PYTEST_ARGUMENTS)

.PHONY: setup demo test pictures lint types contract prove prove-sandbox prove-ledger fuzz bench bench-busy bench-slow bench-audience bench-size measure-code prove-catalogue bench-catalogue

setup: .venv/.ready

# Uses the installed uv, or installs one in .tools. .python-version selects the Python version.
.venv/.ready: uv.lock pyproject.toml .python-version
	@scripts/setup
	@touch $@

demo: setup
	.venv/bin/saleor-stripe-audience demo

test: setup
	$(PYTEST)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/hadolint Dockerfile
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

# Makes the pictures in docs/images again, by the tests that show them.
pictures: setup
	folder=$$(mktemp -d) && SCREENSHOTS=$$folder $(PYTEST) tests/browser && \
	  cd docs/images && for each in *.png; do cp "$$folder/$$each" . || exit 1; done

types: setup
	.venv/bin/mypy saleor_stripe_audience scripts tests

contract: setup
	.venv/bin/lint-imports

# EXAMPLES=2000: the property tests with this many new examples. `make test` uses few, always the same ones.
EXAMPLES ?= 2000
prove: setup
	PROVE=$(EXAMPLES) $(PYTEST) tests/audience/test_any_order.py \
	  tests/audience/segments/test_followed.py tests/payments/test_any_history.py tests/api/test_any_query.py

# HISTORIES=file.jsonl: replays ledgers recorded from a real Saleor in the stand-in; prints JSON, fails on a difference.
prove-sandbox: setup
	@.venv/bin/python -m scripts.prove_sandbox $(HISTORIES)

# INPUTS=100000: sends mutated requests to every address of the running app; prints JSON, fails on a response of 500, on one
# that takes more than five seconds, and on growing memory. FUZZ_DATABASE_URL=postgres://…: uses an empty database there.
INPUTS ?= 100000
SEED ?= 1
fuzz: setup
	@.venv/bin/python -m scripts.fuzz $(INPUTS) $(SEED)

# SERVER=postgres://user@host:5432/postgres: measures PostgreSQL, too. BENCH_ARGUMENTS="--only requests": measures a part.
# Processor time of requests and events, and the server's own figures; prints JSON, including the machine.
bench: setup
	@.venv/bin/python -m scripts.bench --server "$(SERVER)" $(BENCH_ARGUMENTS)

# Response times while one Stripe account hangs; prints JSON, including the machine.
bench-busy: setup
	@.venv/bin/python -m scripts.bench_busy

# Response times while 200 clients never finish their requests; prints JSON, including the machine.
bench-slow: setup
	@.venv/bin/python -m scripts.bench_slow

# SEQUENCES=2000: plays random payment histories with the app and both stand-ins; prints JSON, fails on a difference.
SEQUENCES ?= 2000
prove-ledger: setup
	@.venv/bin/python -m scripts.prove_ledger $(SEQUENCES)

# SEQUENCES=500: edits products at random in Saleor and in Stripe; prints JSON, fails if the catalogues differ in the end.
prove-catalogue: setup
	@.venv/bin/python -m scripts.prove_catalogue $(SEQUENCES)

# PRODUCTS=10000: the first sync against the stand-in, which takes 50 ms for each call; prints JSON, including the machine.
PRODUCTS ?= 10000
bench-catalogue: setup
	@.venv/bin/python -m scripts.bench_catalogue $(PRODUCTS)

# Measures the code: ways through it, import cycles, lengths of functions, outdated words; prints a table, then JSON.
measure-code: setup
	@.venv/bin/python -m scripts.measure_code

# SERVER=postgres://user@host:5432/postgres: times an audience of a million contacts; without it, 100,000 on SQLite.
bench-audience: setup
	@.venv/bin/python -m scripts.bench_audience --server "$(SERVER)"

# SERVER=postgres://user@host:5432/postgres: whether events and pages cost the same with a million contacts; prints JSON.
bench-size: setup
	@.venv/bin/python -m scripts.bench_size --server "$(SERVER)"
