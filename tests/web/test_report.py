"""The report: opens from disk and fetches nothing, says what the run found, keeps hostile names harmless."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import findings, needs_browser, page_of
from tests.support.finished_run import FINETUNED, FULL, finished_run, keep_dims, truth_file
from tests.support.layout import faults, scrolled
from tests.support.rehearsal import playing
from tests.support.showcase import SPEC, feature
from trainers.data.checks.leaks import LEAKY_FEATURE, leak_warning
from trainers.pruning.leaks import find_leaks
from trainers.report import render
from trainers.report.summary import STATEMENTS, MetricRow, Saving, describe_rule
from trainers.runs import grid, measures_reader
from trainers.runs.directory import RunDirectory, read_json, write_json
from trainers.runs.results import MetricDifference
from trainers.spec import PruneSpec
from trainers.web import assets

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$&$`${1}",
    "--></pre>{{7*7}}",
    "ünïcödé 特徴 🦔",
)


class Static(HTMLParser):
    """The page as it stands in the file: its tags with their attributes, and the text of elements that have an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.by_id: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = self.tags[-1][1].get("id", "")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.by_id[self._inside] = self.by_id.get(self._inside, "") + data


def packed(path: Path) -> dict[str, Any]:
    """What the report has packed: its modules and its content."""
    page = Static(path.read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(page.by_id["packed"])))
    return found


def rehearsed(path: Path, features: int, snapshots: int) -> RunDirectory:
    spec = {"name": f"rehearsed-{features}", **SPEC, "features": [feature(place) for place in range(features)]}
    return playing(path, spec, snapshots)


# --- the file ---


def test_the_views_draw_what_the_api_has(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    report = packed(render(run))["report"]
    assert report["run"] == {
        "spec": read_json(run.spec),
        "progress": None,
        "list": read_json(run.prune_list),
        "results": read_json(run.metrics),
        "measures": measures_reader.read(run.measures).document(),
        "grid": grid.read(run.history).document(),
    }
    assert report["rule"] == "kept from a score of 0.6 on"
    assert report["truth"] == []


def test_its_modules_are_those_of_the_pages(tmp_path: Path) -> None:
    modules = packed(render(finished_run(tmp_path)))["modules"]
    assert modules == {name: path.read_text(encoding="utf-8") for name, path in assets.scripts().items()}


def test_the_file_names_nothing_outside(tmp_path: Path) -> None:
    text = render(finished_run(tmp_path)).read_text(encoding="utf-8")
    page = Static(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "base")
        assert not attributes.keys() & {"src", "href", "action", "data", "srcset"}, tag
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
    assert "@import" not in styles
    assert "url(" not in styles
    policy = next(found["content"] for tag, found in page.tags if found.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert [script.get("type") for script in scripts] == ["application/gzip", None]
    assert f"script-src 'nonce-{scripts[1]['nonce']}' blob:" in policy


def test_each_file_has_a_nonce_of_its_own(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    nonces = {re.findall(r'nonce="([^"]+)"', render(run).read_text(encoding="utf-8"))[-1] for _ in range(3)}
    assert len(nonces) == 3


def test_two_thousand_features_and_a_thousand_snapshots_fit_in_two_megabytes(tmp_path: Path) -> None:
    assert render(rehearsed(tmp_path, 2000, 1000)).stat().st_size < 2e6


@pytest.mark.parametrize(
    ("prune", "words"),
    [
        ({"rule": "threshold", "threshold": 0.6}, "kept from a score of 0.6 on"),
        ({"rule": "top_k", "top_k": 20}, "the first 20 of the ranking kept"),
        ({"rule": "dims", "share": 0.3}, "kept along the ranking while they fit into 30% of the dims"),
        ({"rule": "budget", "keep_dims": 1200}, "kept along the ranking while they fit into 1,200 dims"),
        ({"rule": "budget", "keep_bytes": 4096}, "kept along the ranking while they fit into 4,096 bytes of tables"),
        ({"rule": "budget", "keep_cost": 0.3}, "kept along the ranking while they fit into cost 0.3"),
        (
            {"rule": "curve", "delta": 0.001},
            "the fewest features whose validation logloss is within 0.001 of that of all",
        ),
    ],
)
def test_rules_in_words(prune: dict[str, Any], words: str) -> None:
    assert describe_rule(PruneSpec.model_validate(prune)) == words


@pytest.mark.parametrize(
    ("metric", "finetuned", "interval", "better"),
    [
        ("auc", 0.8, (-0.2, -0.05), True),
        ("auc", 0.6, (0.05, 0.2), False),
        ("logloss", 0.8, (0.05, 0.2), False),
        ("ne", 0.6, (-0.2, -0.05), True),
        ("auc", 0.8, (-0.3, 0.1), None),
        ("auc", 0.8, None, None),
    ],
)
def test_better_is_what_noise_does_not_explain(
    metric: str, finetuned: float, interval: tuple[float, float] | None, better: bool | None
) -> None:
    """The interval is of the drop."""
    drop = 0.7 - finetuned if metric == "auc" else finetuned - 0.7
    found = MetricDifference(metric=metric, drop=drop, interval=interval)
    row = MetricRow(metric=metric, full=0.7, pruned=0.7, finetuned=finetuned, difference=found)
    assert row.better is better
    turned = {"auc": None if interval is None else (-interval[1], -interval[0])}
    assert row.interval == turned.get(metric, interval)


def test_no_share_is_saved_of_nothing() -> None:
    assert Saving(label="embedding bytes", before=0, after=0).share_saved is None


# --- in a browser, from disk ---


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run of 60 features."""
    return render(rehearsed(tmp_path_factory.mktemp("run"), 60, 120))


def opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    page.wait_for_selector("main[data-ready]", timeout=30_000)
    return page


def cells_of(page: Page, table: str) -> list[list[str]]:
    """The rows of the table under a caption or in a section of this name."""
    found = (
        page.locator("table").filter(has_text=table) if table.endswith(":") else page.get_by_role("region", name=table)
    )
    return [row.locator("th, td").all_inner_texts() for row in found.locator("tr").all()]


@needs_browser
def test_it_opens_from_disk_and_fetches_nothing(chromium: Browser, report: Path) -> None:
    with page_of(chromium, fresh=True) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        opened(page, report)
        assert asked[0] == report.as_uri()
        assert {url.partition(":")[0] for url in asked[1:]} <= {"blob", "data"}
        names = ["Summary", "Gates", "Polarization", "Training", "Ranking", "Selection curve", "Try another cut"]
        for name in (*names, "Scores against details and dims", "The run"):
            expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
        expect(page.get_by_role("region", name="Against the known truth")).to_have_count(0)


@needs_browser
def test_numbers_are_those_of_the_prune_list(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path, finetuned=FINETUNED.model_copy(update={"auc": 0.74}), essential=("noise_2",))
    with page_of(chromium) as page:
        opened(page, render(run))
        expect(page.locator(".alert").first).to_have_text(
            "✗ Guard failed: AUC −0.01000 (limit −0.001), 95% interval −0.01020 to −0.00980."
        )
        expect(page.locator(".alert.caution")).to_contain_text("! Warning: 60% of the gates lie between 0.1 and 0.9")
        tiles = page.locator(".summary .tile").all_inner_texts()
        assert tiles[0].split("\n") == ["Features", "5 → 3", "40.0 % saved"]
        assert tiles[2].split("\n") == ["Embedding memory", "8.0 kB → 4.8 kB", "40.0 % saved"]
        rows = [row.locator("th, td").all_inner_texts() for row in page.locator(".summary tbody tr").all()]
        assert rows[0] == ["AUC", "−0.01000 worse", "−0.01020 to −0.00980", "0.75000", "0.75000", "0.74000"]
        assert rows[1] == ["GAUC", "+0.00200 better", "+0.00180 to +0.00220", "0.71000", "0.71000", "0.71200"]
        assert rows[2] == [
            "Logloss, nats",
            "+0.00100 worse",
            "+0.00080 to +0.00120",
            "0.50000",
            "0.50000",
            "0.50100",
        ]
        expect(page.locator("header")).to_contain_text("Rule: kept from a score of 0.6 on. Essential features are kept")
        expect(page.locator(".summary caption")).to_contain_text("12,345 rows, 25.00 % positive")


@needs_browser
def test_of_dims_that_were_decided_on_the_table_says_how_many_stay_and_no_other_cut_is_offered(
    chromium: Browser, tmp_path: Path
) -> None:
    run = finished_run(tmp_path)
    keep_dims(run, clicks=(0, 3))
    with page_of(chromium) as page:
        opened(page, render(run))
        row = page.get_by_role("region", name="Ranking", exact=True).locator(".tabulator-row").first
        expect(row).to_contain_text("clicks")
        assert row.locator('[tabulator-field="dim"]').inner_text().split() == ["2", "of", "4"]
        cut = page.get_by_role("region", name="Try another cut")
        expect(cut).to_contain_text("The gates of this run stand on dims")
        expect(cut.locator("input")).to_have_count(0)
        assert not findings(page)


@needs_browser
def test_a_run_of_a_selector_without_gates_says_nothing_of_gates_at_rest(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    content = read_json(run.metrics) | {"steps": 1234, "rows_per_second": None, "converged": None}
    write_json(run.metrics, content)
    with page_of(chromium) as page:
        opened(page, render(run))
        search = page.get_by_role("region", name="The run", exact=True).locator("dd").first
        expect(search).to_have_text("1,234 steps, 1 attempt")


@needs_browser
def test_metrics_that_are_not_defined_are_dashes(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path, full=FULL.model_copy(update={"auc": None, "ne": None}))
    with page_of(chromium) as page:
        opened(page, render(run))
        first = page.locator(".summary tbody tr").first
        assert first.locator("th, td").all_inner_texts() == ["AUC", "–", "–", "–", "0.75000", "0.74950"]


@needs_browser
def test_the_truth_names_what_was_decided_wrong(chromium: Browser, tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "truth.json", {"clicks": "noise", "user_id": "strong", "noise_1": "strong"})
    with page_of(chromium) as page:
        opened(page, render(finished_run(tmp_path / "run"), truth))
        rows = page.get_by_role("region", name="Against the known truth").locator("tbody tr").all()
        found = [row.locator("th, td").all_inner_texts() for row in rows]
        assert found == [["strong", "2", "1", "1", "keep", "noise_1"], ["noise", "1", "1", "0", "prune", "clicks"]]


@needs_browser
def test_hostile_names_stay_text(chromium: Browser, tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "truth.json", {HOSTILE[0]: "noise"})
    run = finished_run(tmp_path / "run", names=(*HOSTILE, "clicks"))
    with page_of(chromium, fresh=True) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
        opened(page, render(run, truth))
        shown = page.locator(".tabulator-cell[tabulator-field=name]").all_inner_texts()
        assert shown == [*HOSTILE, "clicks"]
        expect(page.get_by_role("region", name="Against the known truth").locator("td").last).to_have_text(HOSTILE[0])
        page.get_by_text("The spec of this run").click()
        expect(page.locator("pre")).to_contain_text("}")  # it is written when it is first opened
        assert json.loads(page.locator("pre").text_content() or "") == read_json(run.spec)
        canvas = page.locator(".heat-map canvas")
        canvas.focus()
        canvas.press("ArrowDown")
        expect(page.locator(".heat-map .cell")).to_contain_text(HOSTILE[0])
        assert page.locator("img").count() == 0


@needs_browser
def test_it_is_accessible(chromium: Browser, report: Path) -> None:
    # Axe evaluates a script in the page, which the report's own policy refuses.
    with page_of(chromium, bypass_csp=True) as page:
        opened(page, report)
        page.get_by_text("How to look around").click()
        page.get_by_text("The spec of this run").click()
        assert findings(page) == []


@needs_browser
def test_a_feature_that_predicts_the_label_alone_is_marked_in_words(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    results = read_json(run.metrics)
    aucs = {"clicks": 0.712, "user_id": LEAKY_FEATURE, "weekday": 0.9501, "noise_1": None, "noise_2": 0.5}
    features = [{**each, "auc": aucs[each["name"]]} for each in results["features"]]
    write_json(run.metrics, results | {"features": features})
    with page_of(chromium) as page:
        opened(page, render(run))
        shown = page.locator(".tabulator-cell[tabulator-field=auc]").all_inner_texts()
        assert [" ".join(each.split()) for each in shown] == ["0.712", "0.950", "0.950 ! leak?", "–", "0.500"]
        assert f"LEAKY_AUC = {LEAKY_FEATURE};" in (assets.MODULES / "ranking.js").read_text(encoding="utf-8")


@needs_browser
def test_a_warning_is_told_once(chromium: Browser, tmp_path: Path) -> None:
    """What the check warned of is there, but for what the list's leaks say."""
    run = finished_run(tmp_path)
    warnings = [leak_warning("clicks", 0.97), leak_warning("noise_2", 0.96), "train: 3 files are left out"]
    write_json(run.metrics, read_json(run.metrics) | {"data_warnings": warnings})
    leaks = [leak.model_dump() for leak in find_leaks(["clicks"], {"clicks": 0.97, "noise_2": 0.96}, 0.75)]
    write_json(run.prune_list, read_json(run.prune_list) | {"leaks": leaks})
    with page_of(chromium) as page:
        opened(page, render(run))
        assert page.locator(".alert li").all_inner_texts() == warnings[1:]
        text = page.get_by_role("main").inner_text()
        assert text.count("'clicks'") == 1
        assert text.count("files are left out") == 1
        assert text.count("95% interval −") == 1


@needs_browser
def test_a_consensus_lists_what_its_selectors_disagree_about(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    said = {
        "kendall_w": 0.5,
        "disagreements": "a is 1 by x and 4 by y of 4 (dim 64, median 4); b <i>",
        "leanings": "none",
    }
    write_json(run.prune_list, read_json(run.prune_list) | {"diagnostics": said})
    with page_of(chromium) as page:
        opened(page, render(run))
        found = page.locator(".summary div.soft")
        assert [each.split("\n") for each in found.all_inner_texts()] == [
            ["Disagreements:", "a is 1 by x and 4 by y of 4 (dim 64, median 4)", "b <i>"],
            ["Leanings:", "none"],
        ]
        expect(page.locator(".summary p.soft").filter(has_text="Ranked by")).to_have_text(
            "Ranked by leap: kendall w: 0.500."
        )
    assert f"STATEMENTS = {json.dumps(STATEMENTS)};" in (assets.MODULES / "summary.js").read_text(encoding="utf-8")


@needs_browser
def test_a_budget_says_what_it_was_spent_on_and_what_kept_it_from_being_spent(
    chromium: Browser, tmp_path: Path
) -> None:
    """Features of 4 dims and 1600 bytes each."""
    filled = finished_run(tmp_path / "filled", prune={"rule": "budget", "keep_dims": 16})
    missed = finished_run(tmp_path / "missed", prune={"rule": "budget", "keep_bytes": 3000})
    with page_of(chromium) as page:
        opened(page, render(filled))
        summary = page.locator(".summary")
        expect(summary).to_contain_text(
            "Budget: 16 dims spent of 16 dims; all features take 20 dims; 1 feature that stays has its gate below 0.5"
        )
        expect(page.locator(".tabulator-cell[tabulator-field=why]").first).to_have_text("within the budget of 16 dims")
        expect(page.get_by_role("region", name="Try another cut")).to_contain_text("Identical decisions")
        opened(page, render(missed))
        expect(summary).to_contain_text("Budget: 1.6 kB spent of 3.0 kB; all features take 8.0 kB.")
        expect(page.locator(".alert.caution").filter(has_text="are left")).to_contain_text(
            "the next feature of the ranking, 'user_id', takes 1,600 bytes of tables"
        )


@needs_browser
@pytest.mark.parametrize("width", [420, 1280])
def test_nothing_of_it_is_cut_or_out_of_reach(chromium: Browser, report: Path, width: int) -> None:
    with page_of(chromium) as page:
        page.set_viewport_size({"width": width, "height": 900})
        opened(page, report)
        assert faults(page) == []
        assert width < 1280 or scrolled(page) == []


@needs_browser
def test_another_cut_changes_its_numbers_and_the_curve_s_marker(chromium: Browser, report: Path) -> None:
    with page_of(chromium) as page:
        opened(page, report)
        curve = page.get_by_role("region", name="Selection curve").locator(".told")
        cut = page.get_by_role("region", name="Try another cut")
        before = curve.inner_text()
        cut.get_by_label("Number of features").check()
        cut.get_by_role("slider").fill("7")
        expect(cut).to_contain_text("Keeps 7 of 60 features")
        expect(curve).to_contain_text("with 7 features")
        cut.get_by_role("button", name="Back to the list's own").click()
        expect(curve).to_have_text(before)


@needs_browser
def test_without_javascript_the_numbers_are_there(chromium: Browser, tmp_path: Path) -> None:
    run = finished_run(tmp_path, names=(*HOSTILE, "clicks"))
    with page_of(chromium, java_script_enabled=False) as page:
        page.goto(render(run).as_uri())
        rows = [row.locator("th, td").all_inner_texts() for row in page.locator("tbody tr").all()]
        assert rows[0] == ["features", "6", "3", "50.0%"]
        assert ["auc", "0.75000", "0.75000", "0.74950", "-0.00050", "-0.00070 to -0.00030"] in rows
        expect(page.get_by_text("Guard passed")).to_be_visible()
        expect(page.get_by_text("kept from a score of 0.6 on")).to_be_visible()


@needs_browser
def test_a_dark_page_is_light_on_paper(chromium: Browser, report: Path) -> None:
    with page_of(chromium, dark=True, bypass_csp=True) as page:
        opened(page, report)
        ground = "() => getComputedStyle(document.querySelector('section')).backgroundColor"
        dark, white = "rgb(22, 27, 34)", "rgb(255, 255, 255)"
        assert page.evaluate(ground) == dark
        page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(ground) == white
        page.evaluate("() => dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(ground) == dark


@needs_browser
def test_a_single_snapshot_of_a_single_feature_is_drawn(chromium: Browser, tmp_path: Path) -> None:
    with page_of(chromium) as page:
        opened(page, render(finished_run(tmp_path, names=("only",), snapshots=1)))
        expect(page.locator(".heat-map canvas")).to_be_visible()


@needs_browser
def test_a_browser_that_cannot_unpack_it_says_so(chromium: Browser, report: Path) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(report.as_uri())
    expect(page.get_by_text("The report can't be drawn")).to_be_visible()
    expect(page.get_by_text("Guard passed")).to_be_visible()
    context.close()


@pytest.mark.slow
@needs_browser
def test_ten_thousand_features_over_ten_thousand_snapshots(chromium: Browser, tmp_path: Path) -> None:
    path = render(rehearsed(tmp_path, 10_000, 10_000))
    assert path.stat().st_size < 5e6
    seconds = []
    for _ in range(3):
        with page_of(chromium) as page:
            begun = time.perf_counter()
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector(".heat-map canvas[data-drawn]")
            seconds.append(time.perf_counter() - begun)
            page.wait_for_selector("main[data-ready]", timeout=30_000)
    assert min(seconds) < 1.5, seconds
