"""The state of the code: flows through it, import cycles, lengths of functions, outdated words."""
