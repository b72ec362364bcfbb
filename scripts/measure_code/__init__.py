"""How the code stands: the ways through it, circles of imports, lengths of functions, words that should be gone."""
