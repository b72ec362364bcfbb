"""Django's backend for SQLite, with a pool of connections; Django wants it in a package with a module `base`."""
