"""Backbones: what stands behind the gate. Adding one adds a folder here, a test and a line of docs."""

import trainers.spec  # noqa: F401  (before any backbone: the spec's parts and the backbones' options import each other)
