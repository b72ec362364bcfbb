"""Benchmarks and provers, run from a checkout as `python -m scripts.…`; the Makefile has a target for each."""
