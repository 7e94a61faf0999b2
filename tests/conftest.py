"""What every test needs: third-party imports made quietly, one thread, GPU tests skipped where there is none."""

import logging
import os
import warnings

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

with warnings.catch_warnings():
    # Their import-time deprecations are not ours to mend; ours stay errors.
    warnings.simplefilter("ignore")
    import torch
    import torchrec  # noqa: F401

logging.getLogger("torchrec").setLevel(logging.ERROR)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
