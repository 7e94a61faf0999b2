"""report.html: a run in one self-contained file that opens from disk."""

from trainers.report.page import render

__all__ = ["render"]
