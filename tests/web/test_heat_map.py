"""The heat map and the charts, in a browser: what is drawn, what is told, and where hand and keys lead."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import needs_browser, page_of
from tests.support.finished_run import finished_run
from trainers.report import render

pytestmark = needs_browser
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
# A report is a page whose import map knows the views. Each test draws its own heat map on it.
DRAW = """async (grid) => {
    const {heatMap} = await import("views/heat-map");
    const main = document.createElement("main");
    document.body.replaceChildren(main);
    window.spans = [];
    window.chosen = [];
    window.map = heatMap(main, {
        onSpan: (...span) => window.spans.push(span), onFeature: (name) => window.chosen.push(name),
    });
    window.map.update({grid});
}"""
DRAWN = ".heat-map canvas[data-drawn]"
COLOUR = """(canvas, [x, y]) => {
    const ratio = devicePixelRatio;
    return [...canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(finished_run(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def page(chromium: Browser, report: Path) -> Iterator[Page]:
    # Playwright evaluates text, which the report's own policy refuses.
    with page_of(chromium, bypass_csp=True) as page:
        page.goto(report.as_uri())
        page.wait_for_selector("main[data-ready]", timeout=30_000)
        yield page


def grid_of(cells_FT: Bytes, **more: Any) -> dict[str, Any]:
    """A grid of these cells, whose newest gates are those of its last column."""
    final = [None if byte == 255 else byte / 254 for byte in cells_FT[:, -1].tolist()]
    found = {
        "features": [f"f{place:05}" for place in range(len(cells_FT))],
        "steps": [100 * (place + 1) for place in range(cells_FT.shape[1])],
        "every": 2,
        "final": final,
        "cells": base64.b64encode(cells_FT.tobytes()).decode(),
    }
    return found | more


def drawn(page: Page, cells_FT: Bytes, **more: Any) -> Locator:
    page.evaluate(DRAW, grid_of(cells_FT, **more))
    page.wait_for_selector(DRAWN)
    return page.locator(".heat-map canvas")


def ramp(features: int, columns: int = 10) -> Bytes:
    """Gates that stay: that of the first feature 1, that of the last 0."""
    return np.repeat(np.linspace(254, 0, features).astype(np.uint8)[:, None], columns, axis=1)


def sight(page: Page) -> str:
    return page.locator(".heat-map [role=status]").first.inner_text()


# --- what is drawn ---


def test_pixels_have_the_colours_of_their_cells(page: Page) -> None:
    cells_FT = np.array([[0, 254, 254], [254, 127, 0]], np.uint8)
    canvas = drawn(page, cells_FT)
    box = canvas.bounding_box()
    assert box is not None
    left, right, row = 190, box["width"] - 32, 55
    across = [left + (place + 0.5) / 3 * (right - left) for place in range(3)]
    dark, grey, yellow = [0, 34, 78, 255], [125, 124, 120, 255], [254, 232, 56, 255]
    assert [canvas.evaluate(COLOUR, [x, 20]) for x in across] == [dark, yellow, yellow]
    found = [canvas.evaluate(COLOUR, [x, 20 + row]) for x in across]
    assert (found[0], found[2]) == (yellow, dark)
    np.testing.assert_allclose(found[1], grey, atol=2)


def test_no_number_is_blank_and_said_so(page: Page) -> None:
    canvas = drawn(page, np.array([[0, 255], [255, 254]], np.uint8))
    assert canvas.evaluate(COLOUR, [300, 75])[3] == 255
    assert canvas.evaluate(COLOUR, [300, 20])[3] == 0
    expect(page.locator(".heat-map .note").first).to_contain_text("Blank: no number.")


def test_rows_are_ordered_by_the_newest_gate_then_by_name(page: Page) -> None:
    names = ["b", "a", "c", "lost", "d"]
    cells_FT = np.array([[9, 100], [9, 100], [9, 254], [9, 255], [9, 0]], np.uint8)
    canvas = drawn(page, cells_FT, features=names)
    canvas.focus()
    found = []
    for _ in names:
        canvas.press("ArrowDown")
        found.append(page.locator(".heat-map .cell").inner_text().split(" ")[0])
    assert found == ["c", "a", "b", "d", "lost"]


def test_a_line_of_many_features_shows_the_one_furthest_from_their_mean(page: Page) -> None:
    random = np.random.default_rng(0)
    cells_FT = random.integers(0, 256, (50, 7)).astype(np.uint8)
    cells_FT[10:20, 3] = 255
    found = page.evaluate(
        """async ([grid, spans]) => {
            const {Field} = await import("views/gate-field");
            const field = new Field();
            field.take(grid);
            const line = new Uint8Array(grid.steps.length);
            return spans.map(([from, to]) => {
                field.line(from, to, line);
                const shown = grid.steps.map((_, column) => field.rows[field.representative(from, to, column)]);
                return [field.rows.slice(from, to), [...line], shown];
            });
        }""",
        [grid_of(cells_FT), [[0, 1], [0, 18], [30, 50], [12, 14]]],
    )
    for rows, line, representative in found:
        gates = np.where(cells_FT[rows] == 255, np.nan, cells_FT[rows].astype(np.float64))
        for column in range(7):
            values = gates[:, column]
            if np.isnan(values).all():
                assert line[column] == 255
                continue
            away = np.abs(values - np.nanmean(values))
            assert away[values == line[column]].max() == pytest.approx(np.nanmax(away), abs=1e-4)
            assert cells_FT[representative[column], column] == line[column]


def test_a_live_run_keeps_search_sight_and_cursor(page: Page) -> None:
    canvas = drawn(page, ramp(200))
    page.get_by_label("Find features").fill("f001")
    assert sight(page) == "100 of 200 match"
    canvas.focus()
    canvas.press("ArrowDown")
    canvas.press("+")
    page.evaluate("(grid) => window.map.update({grid})", grid_of(ramp(200, 12)))
    page.wait_for_selector(".heat-map canvas[data-drawn='12']")
    assert sight(page) == "100 of 200 match, 1 to 50 in sight"
    expect(page.locator(".heat-map .cell")).to_contain_text("f00100 (rank 101) · step 1,000")


def test_before_the_first_report_it_says_what_will_come(page: Page) -> None:
    page.evaluate(DRAW, {"features": [], "steps": [], "every": 1, "final": [], "cells": ""})
    expect(page.locator(".heat-map .empty")).to_contain_text("come with the run's first report")
    expect(page.locator(".heat-map canvas")).to_be_hidden()
    page.evaluate("(grid) => window.map.update({grid})", grid_of(ramp(3)))
    expect(page.locator(".heat-map canvas")).to_be_visible()
    expect(page.locator(".heat-map .empty")).to_have_count(0)


def test_ten_thousand_features_are_painted_at_once(page: Page) -> None:
    """Of the browser's own processor time, which doesn't hang on what else the machine does."""
    drawn(page, ramp(3))
    cells_FT = np.random.default_rng(0).integers(0, 255, (10_000, 200)).astype(np.uint8)
    page.evaluate("(grid) => { window.grid = grid; }", grid_of(cells_FT))
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    seconds = []
    for turn in range(3):
        begun = spent()
        page.evaluate("(turn) => window.map.update({grid: {...window.grid, every: turn}})", turn)
        page.wait_for_selector(".heat-map canvas[data-drawn='200']")
        page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
        seconds.append(spent() - begun)
    assert min(seconds) < 0.1, seconds


# --- search, zoom, keys ---


def test_search_leaves_the_features_that_match(page: Page) -> None:
    canvas = drawn(page, ramp(300))
    before = canvas.screenshot()
    search = page.get_by_label("Find features")
    search.fill("F0029")
    assert sight(page) == "10 of 300 match"
    canvas.focus()
    canvas.press("ArrowDown")
    expect(page.locator(".heat-map .cell")).to_contain_text("f00290 (rank 291)")
    assert canvas.screenshot() != before
    search.fill("nobody")
    assert sight(page) == "0 of 300 match"
    canvas.press("ArrowDown")
    search.fill("")
    assert sight(page) == "300 features"


def test_keys_move_the_cursor_and_tell_its_cell(page: Page) -> None:
    cells_FT = ramp(300)
    cells_FT[1] = np.arange(10) * 25
    canvas = drawn(page, cells_FT, final=[1 - place / 300 for place in range(300)])
    cell = page.locator(".heat-map .cell")
    canvas.focus()
    for key, told in [
        ("ArrowDown", "f00000 (rank 1) · step 1,000 · gate 1.00 · newest 1.0000"),
        ("ArrowDown", "f00001 (rank 2) · step 1,000 · gate 0.89 · newest 0.9967"),
        ("ArrowLeft", "f00001 (rank 2) · step 900 · gate 0.79 · newest 0.9967"),
        ("Home", "f00001 (rank 2) · step 100 · gate 0.00 · newest 0.9967"),
        ("ArrowLeft", "f00001 (rank 2) · step 100 · gate 0.00 · newest 0.9967"),
        ("End", "f00001 (rank 2) · step 1,000 · gate 0.89 · newest 0.9967"),
        ("Control+End", "f00299 (rank 300) · step 1,000 · gate 0.00 · newest 0.0033"),
        ("ArrowUp", "f00298 (rank 299) · step 1,000 · gate 0.00 · newest 0.0067"),
        ("Control+Home", "f00000 (rank 1) · step 1,000 · gate 1.00 · newest 1.0000"),
    ]:
        canvas.press(key)
        expect(cell).to_have_text(told)
    canvas.press("Enter")
    assert page.evaluate("window.chosen") == ["f00000"]


def test_keys_zoom_around_the_cursor_and_it_stays_in_sight(page: Page) -> None:
    canvas = drawn(page, ramp(400))
    canvas.focus()
    canvas.press("Control+End")
    for key, told in [
        ("+", "400 features, 201 to 400 in sight"),
        ("+", "400 features, 301 to 400 in sight"),
        ("Control+Home", "400 features, 1 to 100 in sight"),
        ("PageDown", "400 features, 1 to 100 in sight"),
        ("ArrowDown", "400 features, 2 to 101 in sight"),
        ("-", "400 features, 1 to 200 in sight"),
        ("Escape", "400 features"),
    ]:
        canvas.press(key)
        assert sight(page).startswith(told), key
    canvas.press(">")
    canvas.press("<")
    assert page.evaluate("window.spans") == [[500, 1000], [None, None]]
    for _ in range(12):
        canvas.press("+")
    assert sight(page) == "400 features, 100 to 103 in sight"
    canvas.press("Tab")
    expect(canvas).not_to_be_focused()


def test_a_drag_zooms_into_what_it_covers(page: Page) -> None:
    canvas = drawn(page, ramp(400))
    box = canvas.bounding_box()
    assert box is not None
    x, top, width = box["x"], box["y"] + 1, box["width"] - 64 - 32

    def drag(begin: tuple[float, float], end: tuple[float, float]) -> None:
        page.mouse.move(x + 64 + begin[0] * width, top + begin[1] * 560)
        page.mouse.down()
        page.mouse.move(x + 64 + end[0] * width, top + end[1] * 560, steps=3)
        expect(page.locator(".heat-map .dragged")).to_be_visible()
        page.mouse.up()
        expect(page.locator(".heat-map .dragged")).to_be_hidden()

    drag((0.5, 0.25), (0.501, 0.5))
    assert sight(page) == "400 features, 101 to 200 in sight"
    assert page.evaluate("window.spans") == []
    page.get_by_role("button", name="Show all features and steps").click()
    assert sight(page) == "400 features"
    drag((0.2, 0.5), (0.6, 0.501))
    assert sight(page) == "400 features"
    [(begin, end)] = page.evaluate("window.spans")
    assert (begin, end) == (pytest.approx(200, abs=3), pytest.approx(600, abs=3))
    page.get_by_role("button", name="Show all features and steps").click()
    assert page.evaluate("window.spans")[1] == [None, None]
    assert page.evaluate("window.chosen") == []


def test_a_click_chooses_a_feature_and_hover_tells_it(page: Page) -> None:
    canvas = drawn(page, ramp(20))
    canvas.hover(position={"x": 400, "y": 1 + 2.5 * 22})
    expect(page.locator(".heat-map .cell")).to_contain_text("f00002 (rank 3) · step 200")
    canvas.click(position={"x": 400, "y": 1 + 4.5 * 22})
    assert page.evaluate("window.chosen") == ["f00004"]


def test_the_wheel_zooms_with_control_and_scrolls_the_page_without(page: Page) -> None:
    canvas = drawn(page, ramp(400))
    canvas.hover(position={"x": 400, "y": 281})
    page.mouse.wheel(0, -100)
    assert sight(page) == "400 features"
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    expect(page.locator(".heat-map [role=status]").first).to_have_text("400 features, 41 to 360 in sight")
    page.keyboard.up("Control")


def test_a_finer_grid_of_the_steps_in_sight_lies_where_they_are(page: Page) -> None:
    canvas = drawn(page, ramp(4))
    canvas.focus()
    canvas.press("ArrowDown")
    canvas.press(">")
    assert page.evaluate("window.spans") == [[500, 1000]]
    finer = grid_of(np.full((4, 25), 127, np.uint8), steps=[500 + 20 * (place + 1) for place in range(25)])
    page.evaluate("(grid) => window.map.update({grid})", finer)
    page.wait_for_selector(".heat-map canvas[data-drawn='25']")
    expect(page.locator(".heat-map .cell")).to_contain_text("step 1,000 · gate 0.50")
    canvas.press("ArrowLeft")
    expect(page.locator(".heat-map .cell")).to_contain_text("step 980 · gate 0.50")
    assert canvas.evaluate(COLOUR, [200, 20])[3] == 255


# --- the charts ---


def test_charts_say_in_words_what_they_show(page: Page) -> None:
    page.reload()
    page.wait_for_selector("main[data-ready]")
    told = {each.locator("xpath=..").inner_text(): each.inner_text() for each in page.locator("figure .told").all()}
    for title, words in {
        "Shares of closed and open gates": "20 % of gates closed, 60 % between, 20 % open",
        "Losses and penalty": "task loss 0.5000 → 0.5000, held-out 0.5000, penalty 0.0100",
        "Throughput": "100 rows/s",
        "Score and divergence": "2 kept, 3 pruned",
        "Score and dim": "2 kept, 3 pruned",
        "Quality along the ranking": "logloss 0.55000 with 2 features, 0.52000 with all 5",
    }.items():
        assert words in {words for caption, words in told.items() if caption.startswith(title)}, told


def test_the_curve_can_be_read_against_bytes(page: Page) -> None:
    page.reload()
    page.wait_for_selector("main[data-ready]")
    curve = page.get_by_role("region", name="Selection curve")
    before = curve.locator("canvas").screenshot()
    curve.get_by_label("embedding bytes kept").check()
    assert curve.locator("canvas").screenshot() != before
