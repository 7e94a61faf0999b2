"""The whole OpenAPI document against the service: generated requests are never answered with a 5xx, nor otherwise than
the document says.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from service.app import ROUTERS
from tests.support import inhabited

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def test_every_summary_stands_alone(tmp_path: Path) -> None:
    document = inhabited.service(tmp_path)[0].openapi()
    summaries = [each["summary"] for item in document["paths"].values() for each in item.values() if "summary" in each]
    assert len(summaries) == len(set(summaries))
    assert [summary for summary in summaries if len(summary.split()) < 2] == []


def test_routes_are_made_once(tmp_path: Path) -> None:
    """Made anew for an application, they would take most of a second of its first request."""
    served = {id(route) for route in inhabited.service(tmp_path)[0].routes}
    for router in ROUTERS:
        assert {id(route) for route in router.routes} <= served


def test_answers_are_as_the_document_says(tmp_path: Path) -> None:
    from tests.support.fuzzing import fuzz

    fuzzed = fuzz(tmp_path, cases=2)
    assert fuzzed.wrong == {}
    assert fuzzed.cases.total() > 120
    assert fuzzed.statuses[401] == 0


@pytest.mark.slow
def test_ten_thousand_answers_are_as_the_document_says(tmp_path: Path) -> None:
    from tests.support.fuzzing import fuzz

    fuzzed = fuzz(tmp_path, cases=180)
    assert fuzzed.wrong == {}
    assert fuzzed.cases.total() > 10_000
