"""What Prometheus is told (docs/reference/metrics.md has the table).

Counters and histograms count what this process did, and are summed over replicas; gauges show what the store says when
they are read, and are the same on every replica. Nothing is labelled by what has no bound: paths, ids of jobs that
ended, features.
"""

from service.metrics.process import Metrics

__all__ = ["Metrics"]
