"""Mutated requests over every address of the served app: none may be answered 500, take seconds, or leave memory."""
