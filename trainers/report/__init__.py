"""report.html: a run's views in one self-contained file that opens from disk."""

from trainers.report.page import render

__all__ = ["render"]
