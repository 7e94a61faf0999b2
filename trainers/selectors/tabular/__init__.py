"""Selectors that read rows alone. A file each: the options at its top, heavy imports inside `rank`."""
