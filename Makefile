# Everything that is made stays inside the checkout: .venv, .tools, .cache, var.
SHELL := /bin/bash
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
export UV_PYTHON_DOWNLOADS ?= never
export UV_LINK_MODE ?= copy
PYTEST_ARGUMENTS ?= -n auto --dist worksteal

.PHONY: setup demo test lint types contract prove prove-sandbox prove-ledger fuzz bench-busy bench-slow bench-audience measure-code

setup: .venv/.ready

# uv from the machine, or one of our own in .tools; .python-version says which Python uv takes.
.venv/.ready: uv.lock pyproject.toml .python-version
	@scripts/setup
	@touch $@

demo: setup
	.venv/bin/saleor-stripe-audience demo

test: setup
	.venv/bin/python -m pytest $(PYTEST_ARGUMENTS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/hadolint Dockerfile
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

types: setup
	.venv/bin/mypy saleor_stripe_audience scripts tests

contract: setup
	.venv/bin/lint-imports

# EXAMPLES=2000: the property tests with as many new examples; the suite plays few, and always the same.
EXAMPLES ?= 2000
prove: setup
	PROVE=$(EXAMPLES) .venv/bin/python -m pytest $(PYTEST_ARGUMENTS) tests/audience/test_any_order.py \
	  tests/audience/segments/test_followed.py tests/payments/test_any_history.py tests/api/test_any_query.py

# HISTORIES=file.jsonl: ledgers recorded from a real host, replayed by the stand-in; prints JSON, fails on a difference.
prove-sandbox: setup
	@.venv/bin/python -m scripts.prove_sandbox $(HISTORIES)

# INPUTS=100000: mutated requests over every address of the served app; prints JSON, fails on an answer of 500, on one that
# takes more than five seconds, and on memory that grows. FUZZ_DATABASE_URL=postgres://…: on an empty database there.
INPUTS ?= 100000
SEED ?= 1
fuzz: setup
	@.venv/bin/python -m scripts.fuzz $(INPUTS) $(SEED)

# How fast the app answers while one Stripe account hangs; prints JSON with the machine.
bench-busy: setup
	@.venv/bin/python -m scripts.bench_busy

# How fast the app answers while 200 callers never finish their requests; prints JSON with the machine.
bench-slow: setup
	@.venv/bin/python -m scripts.bench_slow

# SEQUENCES=2000: random histories of payments between both stand-ins and the app; prints JSON, fails on a difference.
SEQUENCES ?= 2000
prove-ledger: setup
	@.venv/bin/python -m scripts.prove_ledger $(SEQUENCES)

# How the code stands: ways through it, circles of imports, lengths of functions, old words; a table, then JSON.
measure-code: setup
	@.venv/bin/python -m scripts.measure_code

# SERVER=postgres://user@host:5432/postgres: how fast an audience of a million contacts is; without it, 100,000 on SQLite.
bench-audience: setup
	@.venv/bin/python -m scripts.bench_audience --server "$(SERVER)"
