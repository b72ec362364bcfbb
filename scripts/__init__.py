"""Benchmarks and provers, run from a checkout: `python -m scripts.…`; the Makefile has a target for each."""
