"""Selectors that measure a trained model. A file each: the options at its top, heavy imports inside `rank`."""
