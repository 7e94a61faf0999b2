"""Holding a spec against its data before training: what keeps it from being run, and what deserves a look."""
