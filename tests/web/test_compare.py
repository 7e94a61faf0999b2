"""Comparing runs in a browser: the measures by hand, the page by its address and by choosing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import drawn, needs_browser, page_of, ready, sign_in
from tests.support.showcase import SPEC, Showcase, feature

pytestmark = needs_browser
MODEL = "feed-ranker"
FEATURES = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("compare"))
    with show.serving():
        yield show


@pytest.fixture(scope="module")
def jobs(served: Showcase) -> dict[str, str]:
    """Of two runs that succeeded and one that failed, by their names."""
    served.ask("POST", "/v1/models", {"name": MODEL, "owner": "team", "spec": SPEC})
    rows = [{**feature(place), "status": "active"} for place in range(FEATURES)]
    rows[0]["status"] = "essential"
    served.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows})
    made = {}
    for name, prune in (("steady", {}), ("worse", {"rule": "dims", "share": 0.3}), ("broken", {})):
        made[name] = served.ask("POST", f"/v1/models/{MODEL}/jobs", {"overrides": {"name": name, "prune": prune}})["id"]
        served.ended(made[name])
    return made


@pytest.fixture
def page(served: Showcase, chromium: Browser) -> Iterator[Page]:
    """A reader's; 404 and 409 are what a test provokes."""
    with page_of(chromium, refused=(404, 409)) as shown:
        sign_in(shown, served.url, served.make_key("rea", ["read"]))
        yield shown


def listed(*features: tuple[str, float, str, str]) -> list[dict[str, Any]]:
    return [dict(zip(("name", "score", "decision", "why"), each, strict=True)) for each in features]


def test_measures_by_hand(served: Showcase, page: Page) -> None:
    page.goto(f"{served.url}/sign-in")  # whose import map finds modules
    a = listed(
        ("id", 1.0, "keep", "essential"),
        ("p", 0.9, "keep", "threshold"),
        ("q", 0.7, "keep", "threshold"),
        ("r", 0.1, "prune", "threshold"),
        ("s", 0.1, "prune", "threshold"),
        ("only", 0.8, "keep", "threshold"),
    )
    b = listed(
        ("id", 1.0, "keep", "essential"),
        ("p", 0.6, "keep", "threshold"),
        ("q", 0.2, "prune", "threshold"),
        ("r", 0.8, "keep", "threshold"),
        ("s", 0.1, "prune", "threshold"),
    )
    found = page.evaluate(
        """async ([a, b]) => {
            const {alike, disputed, ranks, spearman} = await import("pages/compare/measures");
            return {
                alike: alike(a, b), disputed: disputed([a, b, b]), ranks: ranks([0.9, 0.7, 0.1, 0.1]),
                opposite: spearman([1, 2, 3], [9, 5, 1]), flat: spearman([1, 1, 1], [1, 2, 3]), none: spearman([], []),
            };
        }""",
        [a, b],
    )
    # Of p, q, r, s: ranks 4, 3, 1.5, 1.5 and 3, 2, 4, 1 about 2.5: Σ = 0.75 − 0.25 − 1.5 + 1.5 = 0.5 over √(4.5 · 5).
    assert found["ranks"] == [4, 3, 1.5, 1.5]
    assert found["alike"]["common"] == 4
    assert found["alike"]["correlation"] == pytest.approx(0.5 / 22.5**0.5)
    # Kept: id, p, q, only against id, p, r.
    assert (found["alike"]["both"], found["alike"]["either"]) == (2, 5)
    assert found["alike"]["jaccard"] == pytest.approx(0.4)
    assert [(each["name"], each["kept"], each["of"]) for each in found["disputed"]] == [("q", 1, 3), ("r", 2, 3)]
    assert (found["opposite"], found["flat"], found["none"]) == (-1, None, None)


def test_runs_are_compared_by_the_address(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    ready(page, f"{served.url}/compare?jobs={jobs['steady']},{jobs['worse']}")
    table = page.get_by_role("group", name="Runs side by side").get_by_role("row")
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in table.all_inner_texts()}
    lists = [served.ask("GET", f"/v1/jobs/{jobs[name]}/prune-list") for name in ("steady", "worse")]
    assert rows[""] == ["A: steady", "B: worse"]
    assert rows["Rule"] == ["gates of 0.5 or more", "30.0 % of dims"]
    for cell, found in zip(rows["Dims"], lists, strict=True):
        assert cell.startswith(f"{found['after']['dims']:,} of {found['before']['dims']:,} (")
    assert rows["AUC, fine-tuned"] == ["0.78150", "0.76000"]
    assert rows["Guard"] == ["✓ passed", "✗ failed"]
    assert rows["Rows per second"] == ["20,480", "20,480"]

    kept = [{each["name"] for each in found["features"] if each["decision"] == "keep"} for found in lists]
    overlap = page.get_by_role("group", name="Overlap of what is kept").inner_text()
    assert f"{len(kept[0] & kept[1])} of {len(kept[0] | kept[1])}" in overlap
    assert "1.000" in page.get_by_role("group", name="Rank correlation").inner_text(), "the same gates"
    grid = page.get_by_role("grid", name="Features decided differently")
    names = grid.locator(".tabulator-row").get_by_role("link").all_inner_texts()
    assert set(names) == kept[0] ^ kept[1]
    assert grid.locator(".tabulator-row").first.inner_text().count("kept, ") == 1
    plot = page.get_by_role("region", name="Score against score")
    assert f"{len(kept[0] & kept[1])} kept by both" in plot.inner_text()
    assert f"{len(kept[0] ^ kept[1])} decided differently" in plot.inner_text()


def test_a_narrow_window_says_that_there_is_more_aside(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    address = f"{served.url}/compare?jobs={jobs['steady']},{jobs['worse']}"
    side = page.get_by_role("region", name="Side by side")
    note = side.get_by_text("Scroll sideways for more")
    page.set_viewport_size({"width": 420, "height": 900})
    ready(page, address)
    expect(note).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(note).to_be_hidden()


def test_runs_that_come_late_are_said_to_be_loading(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/prune-list", hold)
    page.goto(f"{served.url}/compare?jobs={jobs['steady']},{jobs['worse']}")
    expect(page.get_by_text("Loading the runs …")).to_be_visible()
    for each in held:
        each.continue_()
    page.get_by_role("group", name="Runs side by side").wait_for()
    expect(page.get_by_text("Loading the runs …")).to_have_count(0)


def test_curves_lie_over_each_other_and_the_legend_has_their_lines(
    served: Showcase, jobs: dict[str, str], page: Page
) -> None:
    ready(page, f"{served.url}/compare?jobs={jobs['steady']},{jobs['worse']}")
    chart = drawn(page, "Quality along each run's ranking")
    curves = [served.ask("GET", f"/v1/jobs/{jobs[name]}/results")["curve"] for name in ("steady", "worse")]
    assert [each["name"] for each in chart["series"]] == ["A: steady", "B: worse"]
    for series, curve in zip(chart["series"], curves, strict=True):
        assert series["data"] == [[point["features"], point["logloss"]] for point in curve]
    looks = {(each["color"], str(each["dashes"])) for each in chart["series"]}
    assert len(looks) == 2
    assert len({dashes for _, dashes in looks}) == 2, "told apart without colours too"
    best = [min(point["logloss"] for point in curve) for curve in curves]
    assert chart["told"] == f"A: {best[0]:.5f} at best, B: {best[1]:.5f} at best"
    # A line has no points, and its entry in the legend has none either; colour and dashes are the line's own.
    assert chart["legend"] == [{"name": name, "itemStyle": {"opacity": 0}} for name in ("A: steady", "B: worse")]


def test_many_curves_are_told_apart(page: Page, served: Showcase, jobs: dict[str, str]) -> None:
    ready(page, f"{served.url}/compare?jobs={jobs['steady']},{jobs['worse']}")
    draws = """async (results) => {
        const { overlay } = await import("pages/compare/curves");
        const run = (_, at) => ({ label: String.fromCharCode(65 + at), title: "run", results });
        const runs = Array.from({ length: 8 }, run);
        document.querySelector("main").replaceChildren();
        overlay(document.querySelector("main"), runs);
    }"""
    page.evaluate(draws, served.ask("GET", f"/v1/jobs/{jobs['steady']}/results"))
    chart = drawn(page, "Quality along each run's ranking")
    assert len({(each["color"], str(each["dashes"])) for each in chart["series"]}) == 8


def test_runs_are_chosen_and_the_address_shares_them(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    ready(page, f"{served.url}/compare")
    assert "Choose two or more runs" in page.get_by_role("main").inner_text()
    assert page.get_by_role("checkbox").count() == 2, "one that failed has nothing to compare"
    page.get_by_label("Name").fill("wor")
    expect(page.get_by_role("checkbox")).to_have_count(1)
    page.get_by_role("checkbox").check()
    assert "Choose one more run" in page.get_by_role("main").inner_text()
    page.get_by_label("Name").fill("")
    expect(page.get_by_role("checkbox")).to_have_count(2)
    assert page.get_by_role("checkbox", checked=True).count() == 1, "what was chosen stays"
    page.get_by_role("checkbox", checked=False).check()
    page.get_by_role("group", name="Runs side by side").wait_for()
    assert page.url == f"{served.url}/compare?jobs={jobs['worse']},{jobs['steady']}"
    page.get_by_role("checkbox").first.uncheck()
    expect(page.get_by_role("group", name="Runs side by side")).to_have_count(0)


def test_a_run_without_a_list_is_told_of(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    ready(page, f"{served.url}/compare?jobs={jobs['steady']},{jobs['broken']}")
    expect(page.get_by_role("alert")).to_contain_text("has no prune list")
    assert page.get_by_role("checkbox", name="worse").is_visible(), "others can be chosen"


def test_runs_of_one_name_have_labels_that_differ(served: Showcase, jobs: dict[str, str], page: Page) -> None:
    again = served.ask("POST", f"/v1/jobs/{jobs['steady']}/clone", {})
    served.ended(again["id"])
    numbers = [served.ask("GET", f"/v1/jobs/{each}")["number"] for each in (jobs["steady"], again["id"])]
    ready(page, f"{served.url}/compare?jobs={jobs['steady']},{again['id']}")
    table = page.get_by_role("group", name="Runs side by side")
    heads = table.locator("thead th").all_inner_texts()
    assert heads == [f"A: steady #{numbers[0]}", f"B: steady #{numbers[1]}"]
    gauc = table.locator("tr").filter(has_text="GAUC, fine-tuned").locator("td").all_inner_texts()
    assert gauc == ["0.74360", "0.74360"]
    names = [each["name"] for each in drawn(page, "Quality along each run's ranking")["series"]]
    assert names == heads
    options = page.get_by_label("Across").locator("option").all_inner_texts()
    assert options == heads
