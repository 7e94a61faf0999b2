"""A benchmark's page: its tables and charts, drawn from a file alone, and read by everybody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.benchmarks import AUCS, results
from tests.support.browser import drawn, findings, needs_browser, page_of, ready
from tests.support.layout import scrolled
from trainers.benchmark.page import render

pytestmark = needs_browser
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("benchmark") / "report.html"
    path.write_text(render(results(AUCS).model_copy(update={"name": f"first {HOSTILE}"})), encoding="utf-8")
    return path.as_uri()


def test_the_page_draws_quality_ranks_and_cost(chromium: Browser, address: str) -> None:
    with page_of(chromium) as page:
        ready(page, address)
        expect(page.get_by_role("heading", level=1)).to_have_text(f"first {HOSTILE}")
        quality = drawn(page, "a, mlp")
        assert quality["told"] == "highest 0.8200, leap at 50 %"
        points = {each["name"]: [point["value"] for point in each["data"]] for each in quality["series"]}
        assert points["leap"] == [[50, pytest.approx(0.82)], [25, pytest.approx(0.7)]]
        assert points["no_selection"] == [[0, pytest.approx(0.8)], [100, pytest.approx(0.8)]], "whatever the ratio"
        cost = drawn(page, "S_AUC against")
        assert {each["name"] for each in cost["series"]} == {"leap", "shark", "random", "no_selection"}
        assert cost["series"][0]["data"] == [[3, pytest.approx((1 + 0.7 / 0.8) / 2)]]
        ranks = page.get_by_role("img", name=re.compile("Mean ranks of test AUC"))
        texts = ranks.locator("text").all_text_contents()
        assert {"1", "4", "critical difference 2.71"} <= set(texts)
        assert [text for text in texts if text.startswith("no_selection 1.00")]
        table = page.get_by_role("group", name="AUC, mlp").get_by_role("row", name="leap")
        expect(table.get_by_role("cell")).to_have_text(["0.8200 ± 0.0200", "0.7000 ± 0.0000", "1.0000", "0.8750"])


def test_readers_of_all_kinds_can_use_it(chromium: Browser, address: str) -> None:
    with page_of(chromium) as page:
        ready(page, address)
        assert findings(page) == []
        page.set_viewport_size({"width": 1280, "height": 800})
        assert scrolled(page) == []
        page.set_viewport_size({"width": 420, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 420, "tables scroll by themselves"
