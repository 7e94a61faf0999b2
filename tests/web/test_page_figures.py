"""The experiments behind the pages' figures: a short form of each, and the long one marked slow."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.experiments import pages
from tests.support.browser import needs_browser


@needs_browser
def test_the_heat_map_and_the_slider_are_timed(chromium: Browser, tmp_path: Path) -> None:
    with pages.finished(tmp_path, 200, 150) as (show, job):
        found = pages.measure(show, job, chromium, 1)
    assert 0 < found.second[0] < 15_000
    assert len(found.moves) == 10
    assert found.sent_second < found.sent_first / 10, "a second visit has the modules and libraries already"


@needs_browser
@pytest.mark.slow
def test_the_heat_map_of_a_big_run_is_seen_within_a_second_and_a_half(chromium: Browser, tmp_path: Path) -> None:
    with pages.finished(tmp_path, 10_000, 10_000) as (show, job):
        found = pages.measure(show, job, chromium, 3)
    assert statistics.median(found.first) < 1500
    assert statistics.median(found.moves) < 100
