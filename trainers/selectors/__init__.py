"""Selectors: what ranks the features. Adding one adds a file or a folder here, a test and a line of docs."""

import trainers.spec  # noqa: F401  (before any selector: the spec's parts and the selectors' options import each other)
