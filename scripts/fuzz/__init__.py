"""Mutated requests to every endpoint of the served app: none may cause a 500, take seconds, or leak memory."""
