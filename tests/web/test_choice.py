"""The views that decide, in a browser: cuts by the trainers' own rules, the slider's speed, the ranking's rows."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import needs_browser, page_of
from tests.support.rankings import in_order, totals_of
from tests.support.repository import ROOT
from tests.support.showcase import Showcase, feature
from trainers.pruning.curve import ranking_prefixes
from trainers.pruning.listing import list_features
from trainers.pruning.ranking import RankedFeature
from trainers.pruning.rules import decide
from trainers.runs.prune_list import LEAP, PruneList, SelectorInfo
from trainers.runs.results import CurvePoint
from trainers.spec import PruneSpec

pytestmark = needs_browser
DELTA = 0.001
# A bare page of the service, whose import map knows the views.
# The run comes as JSON: the driver takes its time over large objects.
DRAW = """async ({view, json}) => {
    const run = JSON.parse(json);
    const main = document.createElement("main");
    main.append(Object.assign(document.createElement("h1"), {textContent: "A run"}));
    document.body.replaceChildren(main);
    window.chosen = [];
    window.run = run;
    const options = {address: (name) => `/x/${name}`, onChoose: (cut) => window.chosen.push(cut)};
    window.drawn = (await import(`views/${view}`))[view](main, options);
    await window.drawn.update(run);
}"""
# Resolves when the table has come to rest: it learns how high its rows are as it draws them.
AT_REST = """() => new Promise((resolve) => {
    const holder = document.querySelector(".tabulator-tableholder");
    let [place, frames] = [-1, 0];
    const look = () => {
        frames = holder.scrollTop === place ? frames + 1 : 0;
        place = holder.scrollTop;
        if (frames < 20) requestAnimationFrame(look);
        else resolve(place);
    };
    look();
})"""
# At once: the table may draw its rows anew between two calls from here.
FOCUSED = """() => {
    const link = document.querySelectorAll(".tabulator-row a")[12];
    link.focus();
    return link.textContent;
}"""
CUTS = """async ({json, rules}) => {
    const run = JSON.parse(json);
    const {Cuts} = await import("views/cut");
    const cuts = new Cuts(run.list, run.results);
    return rules.map((rule) => {
        const {mask, totals, quality} = cuts.by(rule);
        return {kept: cuts.names.filter((_, at) => mask[at]), totals, quality};
    });
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("views"))
    with show.serving():
        yield show


@pytest.fixture
def page(served: Showcase, chromium: Browser) -> Iterator[Page]:
    with page_of(chromium) as shown:
        shown.goto(f"{served.url}/sign-in")
        yield shown


def draw(page: Page, view: str, run: dict[str, Any]) -> None:
    page.evaluate(DRAW, {"view": view, "json": json.dumps(run)})


def cuts(page: Page, run: dict[str, Any], rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(CUTS, {"json": json.dumps(run), "rules": rules})
    return found


def scores_of(chance: random.Random, count: int, essential: float) -> list[RankedFeature]:
    """With ties, gates at the threshold itself, and dims from 1 to 128."""
    scores = [
        RankedFeature(
            name=f"f{place}",
            kind="dense",
            dim=chance.choice([1, 1, 8, 16, 128]),
            score=chance.choice([0.0, 0.5, 1.0, round(chance.random(), 2), chance.random()]),
            details={
                "divergence": chance.random(),
                "mean_gate": chance.choice([0.3, chance.random()]),
                "missed": chance.choice([0.0, 0.0, 0.5, 1.0]),
            },
            essential=chance.random() < essential,
            constant=chance.random() < 0.1,
            embedding_bytes=chance.choice([0, 4000]),
            bytes_per_example=chance.choice([4.0, 8.0]),
            cost=chance.choice([None, 0.0, 0.1, round(chance.random(), 1)]),
        )
        for place in range(count)
    ]
    for one, other in zip(range(0, count // 3), range(count // 3, count), strict=False):
        if chance.random() < 0.3:
            scores[one] = replace(scores[one], copies=(scores[other].name,))
            scores[other] = replace(scores[other], copies=(scores[one].name,))
    return in_order(scores)


def curve_of(scores: list[RankedFeature], points: int) -> list[CurvePoint]:
    """Falling, and rising again towards all features."""
    sizes = [tuple(kept) for kept in ranking_prefixes(scores, points)]
    return [
        CurvePoint(
            features=len(kept), dims=0, embedding_bytes=0, auc=None, gauc=None,
            logloss=0.5 - 0.01 * np.sin(3 * len(kept) / len(scores)),
        )
        for kept in sizes
    ]  # fmt: skip


def run_of(scores: list[RankedFeature], rule: PruneSpec, curve: list[CurvePoint]) -> dict[str, Any]:
    """The run document of a run that ended so."""
    decisions = decide(scores, rule, curve)
    kept = {decision.name for decision in decisions if decision.keep}
    weights = [
        {
            "name": score.name, "dim": score.dim, "embedding_bytes": score.embedding_bytes,
            "bytes_per_example": score.bytes_per_example, "sparsity": 0.25,
            **({} if score.cost is None else {"cost": score.cost}),
        }
        for score in scores
    ]  # fmt: skip
    found = {
        "id": "a-list",
        "selector": LEAP.document(),
        "features": [entry.model_dump() for entry in list_features(scores, decisions)],
        "before": totals_of(scores, {score.name for score in scores}).model_dump(),
        "after": totals_of(scores, kept).model_dump(),
    }
    features = [
        {"name": score.name, "dim": score.dim, "status": "essential" if score.essential else "active"}
        for score in scores
    ]
    return {
        "spec": {"features": features, "prune": rule.model_dump(mode="json")},
        "list": found,
        "results": {"curve": [point.document() for point in curve], "delta": DELTA, "features": weights},
        "progress": None, "measures": None, "grid": None,
    }  # fmt: skip


def rules(chance: random.Random, count: int) -> list[dict[str, Any]]:
    shares = [round(chance.uniform(0.001, 1), 3) for _ in range(4)]
    return [
        *({"rule": "threshold", "threshold": value} for value in (0.0, 0.3, 0.5, 1.0, chance.random())),
        *({"rule": "top_k", "top_k": value} for value in (1, count // 3 + 1, count)),
        *({"rule": "dims", "share": value} for value in (1e-6, 0.29, 1.0, *shares)),
        *({"rule": "budget", "keep_dims": value} for value in (1, count, 40 * count)),
        *({"rule": "budget", "keep_bytes": value} for value in (1, 4000, 1000 * count)),
        *({"rule": "budget", "keep_cost": value} for value in (0.1, 0.3, 1.0, 5 * count)),
    ]


def test_the_slider_cuts_as_the_trainers_do(page: Page) -> None:
    chance = random.Random(7)
    for case in range(40):
        count = chance.randint(1, 60)
        scores = scores_of(chance, count, essential=chance.choice([0.0, 0.1, 0.5]))
        curve = curve_of(scores, points=9)
        asked = rules(chance, count)
        found = cuts(page, run_of(scores, PruneSpec(), curve), asked)
        for rule, cut in zip(asked, found, strict=True):
            expected = {d.name for d in decide(scores, PruneSpec.model_validate(rule), curve) if d.keep}
            assert set(cut["kept"]) == expected, (case, rule)
            assert cut["totals"] == pytest.approx(totals_of(scores, expected).model_dump()), (case, rule)


def test_quality_is_read_off_the_curve(page: Page) -> None:
    scores = [replace(score, copies=(), constant=False) for score in scores_of(random.Random(3), 50, essential=0.1)]
    curve = curve_of(scores, points=9)
    sizes, losses = [point.features for point in curve], [point.logloss for point in curve]
    asked = [{"rule": "top_k", "top_k": size} for size in (1, *sizes, 20, 33, 50)]
    for rule, cut in zip(asked, cuts(page, run_of(scores, PruneSpec(), curve), asked), strict=True):
        kept, quality = len(cut["kept"]), cut["quality"]
        assert quality["logloss"] == pytest.approx(np.interp(kept, sizes, losses)), rule
        assert quality["rise"] == pytest.approx(np.interp(kept, sizes, losses) - losses[-1])
        assert quality["within"] == (quality["rise"] < DELTA or kept == 50)
        assert quality["prefix"]
        assert (quality["from"] == quality["to"]) == (kept in sizes)
    [passed_over] = cuts(page, run_of(scores, PruneSpec(), curve), [{"rule": "dims", "share": 0.4}])
    in_order = [score.name for score in scores]
    assert passed_over["quality"]["prefix"] == (passed_over["kept"] == in_order[: len(passed_over["kept"])])
    assert not passed_over["quality"]["prefix"]


MARKED = """async () => {
    const {getInstanceByDom} = await import("echarts");
    const [, ...marks] = getInstanceByDom(document.querySelector(".chart")).getOption().series;
    const told = document.querySelector("figcaption .told").textContent;
    const at = ({data, markLine}) =>
        markLine ? {size: markLine.data.map(({xAxis}) => xAxis)} : {points: data.map((point) => point.slice(0, 2))};
    return {told, marks: marks.map((series) => ({name: series.name, ...at(series)}))};
}"""
PICK = """async (names) => {
    const {Cuts} = await import("views/cut");
    const cuts = new Cuts(window.run.list, window.run.results);
    window.drawn.mark(cuts.by({rule: "given"}, new Map(cuts.names.map((name) => [name, names.includes(name)]))));
}"""


def test_the_curve_marks_a_point_for_first_features_alone(page: Page) -> None:
    """Dims 1, 2, 4, 8: of a set that isn't the first of the ranking, its size is known, and no quality."""
    scores = in_order(
        [
            RankedFeature(name=name, kind="dense", dim=dim, score=score, details={"mean_gate": score})
            for name, dim, score in (("a", 1, 0.9), ("b", 2, 0.8), ("c", 4, 0.7), ("d", 8, 0.2))
        ]
    )
    curve = [
        CurvePoint(features=n, dims=2**n - 1, embedding_bytes=0, logloss=0.5 + 0.1 * (4 - n), auc=None, gauc=None)
        for n in range(1, 5)
    ]
    draw(page, "curve", run_of(scores, PruneSpec(), curve))
    assert page.evaluate(MARKED) == {
        "told": "logloss 0.60000 with 3 features, 0.50000 with all 4",
        "marks": [{"name": "the list's own", "points": [[7, 0.6]]}],
    }
    page.evaluate(PICK, ["a", "d"])
    found = page.evaluate(MARKED)
    assert (
        found["told"]
        == "logloss 0.50000 with all 4; not measured with 2 features that aren't the first 2 of the ranking"
    )
    assert found["marks"][1:] == [{"name": "tried", "size": [9]}]
    page.evaluate(PICK, ["a", "b"])
    assert page.evaluate(MARKED)["marks"][1:] == [{"name": "tried", "points": [[3, 0.7]]}]
    # A budget of 7 dims passes over the best feature, which takes 8.
    wide = [replace(scores[0], dim=8), *scores[1:]]
    draw(page, "curve", run_of(wide, PruneSpec(rule="budget", keep_dims=7), curve))
    assert page.evaluate(MARKED)["marks"] == [{"name": "the list's own", "size": [6]}]


def test_copies_take_no_place_and_the_list_s_own_set_is_as_measured(page: Page) -> None:
    """b, a copy of a, is second in the ranking: the curve has three features of four."""
    scores = [
        RankedFeature(name=name, kind="dense", dim=1, score=score, copies=copies)
        for name, score, copies in (("a", 0.9, ("b",)), ("b", 0.8, ("a",)), ("c", 0.7, ()), ("d", 0.1, ()))
    ]
    curve = curve_of(scores, points=9)
    run = run_of(scores, PruneSpec(), curve)
    own = curve[1].model_copy(update={"logloss": 0.6})
    asked = [{"rule": "threshold", "threshold": 0.5}, {"rule": "top_k", "top_k": 3}]
    (unmeasured, _) = cuts(page, run, asked)
    run["results"]["own"] = own.document()
    measured, whole = cuts(page, run, asked)
    assert measured["kept"] == ["a", "c"]
    assert unmeasured["quality"]["logloss"] == curve[1].logloss
    assert (unmeasured["quality"]["from"], unmeasured["quality"]["to"]) == (2, 2)
    assert unmeasured["quality"]["prefix"]
    assert (measured["quality"]["logloss"], measured["quality"]["within"]) == (0.6, False)
    assert (whole["quality"]["rise"], whole["quality"]["within"]) == (0, True), "all but the copy lose nothing"


def test_a_run_without_results_still_counts_features_and_dims(page: Page) -> None:
    run = run_of(scores_of(random.Random(5), 30, essential=0.1), PruneSpec(), []) | {"results": None}
    draw(page, "choice", run)
    panel = page.get_by_role("region", name="Try another cut")
    assert "results were deleted" in panel.inner_text()
    assert panel.get_by_role("row", name="Dims").is_visible()
    assert panel.get_by_role("row", name="Embedding memory").count() == 0


def test_the_slider_shows_what_is_kept_saved_and_lost(page: Page) -> None:
    scores = scores_of(random.Random(11), 60, essential=0.1)
    run = run_of(scores, PruneSpec(), curve_of(scores, points=9))
    draw(page, "choice", run)
    panel = page.get_by_role("region", name="Try another cut")
    essential = sum(score.essential for score in scores)
    kept = "feature is" if essential == 1 else "features are"
    assert f"{essential} essential {kept} kept by every cut" in panel.inner_text()
    assert "Identical decisions to the list." in panel.inner_text()
    assert page.evaluate("window.chosen.length") == 1

    panel.get_by_label("Number of features").check()
    slider, number = panel.get_by_role("slider"), panel.get_by_role("spinbutton")
    slider.focus()
    slider.press("Home")
    assert number.input_value() == "1"
    assert f"Keeps {essential} of 60 features" in panel.inner_text()
    assert "pruned here, kept by the list" in panel.inner_text()
    number.fill("12")
    assert slider.input_value() == "12"
    expected = {d.name for d in decide(scores, PruneSpec(rule="top_k", top_k=12), []) if d.keep}
    after = totals_of(scores, expected)
    assert f"Keeps {len(expected)} of 60 features, {after.dims:,} of" in panel.inner_text()
    assert page.evaluate("window.chosen.at(-1).rule") == {"rule": "top_k", "top_k": 12}
    number.fill("-3")
    assert number.get_attribute("aria-invalid") == "true"
    assert f"Keeps {len(expected)} of 60 features" in panel.inner_text()
    panel.get_by_label("Budget of dims").check()
    panel.get_by_role("button", name="Back to the list's own").click()
    assert panel.get_by_label("Score threshold").is_checked()
    assert "Identical decisions to the list." in panel.inner_text()

    number.fill("0.9")
    page.evaluate("window.drawn.update({...window.run})")
    assert number.input_value() == "0.9", "news of the same run leaves the reader's choice"


def test_the_slider_reacts_at_once_at_10_000_features(page: Page) -> None:
    scores = scores_of(random.Random(13), 10_000, essential=0.01)
    draw(page, "choice", run_of(scores, PruneSpec(), curve_of(scores, points=64)))
    for way in ("Score threshold", "Number of features", "Budget of dims", "Budget of cost"):
        page.get_by_label(way).check()
        spent = page.evaluate(
            """async () => {
                const slider = document.querySelector("input[type=range]");
                const spent = [];
                for (const share of [0.1, 0.9, 0.3, 0.7, 0.5]) {
                    const begun = performance.now();
                    slider.value = String(Number(slider.max) * share);
                    slider.dispatchEvent(new Event("input", {bubbles: true}));
                    document.body.getBoundingClientRect();
                    spent.push(performance.now() - begun);
                }
                return spent.sort((a, b) => a - b)[2];
            }"""
        )
        print(f"{way}: {spent:.1f} ms")
        assert spent < 100, way


def ranking_run(count: int) -> dict[str, Any]:
    chance = random.Random(2)
    scores = [
        RankedFeature(
            name=feature(place)["name"], kind="dense", dim=8, score=chance.random(),
            details={"divergence": chance.random(), "mean_gate": 0.1},
            essential=place == 0,
        )
        for place in range(count)
    ]  # fmt: skip
    scores = in_order(scores)
    return run_of(scores, PruneSpec(), curve_of(scores, 9))


def test_the_ranking_sorts_filters_and_exports(page: Page) -> None:
    draw(page, "ranking", ranking_run(300))
    table = page.get_by_role("grid", name="Ranking of features")
    first = table.locator(".tabulator-row").first
    assert "essential" in first.inner_text()
    assert first.get_by_role("link").get_attribute("href") == f"/x/{feature(0)['name']}"
    assert table.get_by_role("columnheader").locator("button").all_inner_texts() == [
        "Rank", "Feature", "Decision", "Why", "Score", "Divergence", "Mean gate", "Dim", "Sparsity", "Status",
    ]  # fmt: skip

    by_score = table.get_by_role("button", name="Score", exact=True)
    by_score.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert table.get_by_role("columnheader", name="Score").get_attribute("aria-sort") == "ascending"
    gates = [float(text) for text in table.locator(".measured").all_inner_texts()]
    assert gates == sorted(gates)
    assert gates[0] < 0.05

    page.get_by_label("Filter: Feature").fill("clicks")
    page.get_by_label("Filter: Decision").select_option("kept")
    page.get_by_label("Filter: Score, to").fill("0.8")
    page.wait_for_function("document.querySelector('.tabulator-row').innerText.includes('clicks')")
    shown = table.locator(".tabulator-row").all_inner_texts()
    assert shown
    assert all("clicks" in row and "kept" in row for row in shown)
    assert float(table.locator(".measured").last.inner_text()) <= 0.8
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(shown)
    assert "clicks" in lines[1]

    page.get_by_label("Filter: Feature").fill("no such")
    page.wait_for_selector("text=There is no feature to show")


def test_news_leave_the_ranking_as_the_reader_has_it(page: Page) -> None:
    run = ranking_run(10_000)
    draw(page, "ranking", run)
    page.get_by_role("button", name="Feature", exact=True).click()
    holder = page.locator(".tabulator-tableholder")
    holder.evaluate("holder => holder.scrollTo(0, 90000)")
    page.wait_for_function("document.querySelectorAll('.tabulator-row').length > 5")
    assert page.locator(".tabulator-row").count() < 100, "only rows in sight are elements"
    page.evaluate(AT_REST)
    name = page.evaluate(FOCUSED)
    place = page.evaluate(AT_REST)
    assert place > 10_000
    spent = page.evaluate(
        """async () => {
            const begun = performance.now();
            await window.drawn.update({...window.run, results: null});
            return performance.now() - begun;
        }"""
    )
    print(f"update of 10,000 rows: {spent:.0f} ms")
    assert page.evaluate("document.activeElement.textContent") == name
    assert holder.evaluate("holder => holder.scrollTop") == pytest.approx(place, abs=40)
    sorts = page.get_by_role("columnheader", name="Feature").get_attribute("aria-sort")
    assert sorts == "ascending"
    assert page.get_by_role("columnheader", name="Sparsity").count() == 0, "the run tells none any more"


def test_while_a_run_goes_on_its_gates_are_ranked(page: Page) -> None:
    run = ranking_run(3)
    names = [entry["name"] for entry in run["spec"]["features"]]
    grid = {"features": names, "steps": [50], "every": 1, "final": [0.2, None, 0.7], "cells": ""}
    draw(page, "ranking", run | {"list": None, "results": None, "grid": grid})
    page.wait_for_function("document.querySelectorAll('.tabulator-row').length === 3")
    rows = page.locator(".tabulator-row")
    assert [rows.nth(at).get_by_role("link").inner_text() for at in range(3)] == [names[2], names[0], names[1]]
    heads = page.get_by_role("columnheader").locator("button").all_inner_texts()
    assert heads == ["Feature", "Score", "Dim", "Status"]


def test_when_the_run_has_ended_its_list_gives_the_order(page: Page) -> None:
    run = ranking_run(3)
    names = [entry["name"] for entry in run["spec"]["features"]]
    grid = {"features": names, "steps": [50], "every": 1, "final": [0.2, 0.5, 0.7], "cells": ""}
    draw(page, "ranking", run | {"list": None, "results": None, "grid": grid})
    # A selector's own order, which its scores don't give.
    listed = [{**entry, "score": 0.1 * at} for at, entry in enumerate(run["list"]["features"])]
    page.evaluate("run => window.drawn.update(run)", run | {"list": run["list"] | {"features": listed}})
    links = page.locator(".tabulator-row").get_by_role("link")
    assert links.all_inner_texts() == [entry["name"] for entry in listed]
    assert page.get_by_role("columnheader", name="Divergence").is_visible()


def test_copies_say_which_feature_carries_which(page: Page) -> None:
    run = ranking_run(3)
    first, second, third = (entry["name"] for entry in run["list"]["features"])
    decided = [
        {"decision": "keep", "why": "threshold", "score": 0.9, "copies": [second, third]},
        {"decision": "prune", "why": "copy", "score": 0.8, "copies": [first, third]},
        {"decision": "prune", "why": "copy", "score": 0.7, "copies": [first, second]},
    ]
    features = [{**entry, **each} for entry, each in zip(run["list"]["features"], decided, strict=True)]
    draw(page, "ranking", run | {"list": run["list"] | {"features": features}})
    why = page.locator(".tabulator-cell[tabulator-field=why]").all_inner_texts()
    assert why[1:] == [f"copy of {first}, which stays"] * 2
    assert why[0].endswith(f"; stays for its copies {second}, {third} too")


def test_a_rank_counts_no_copies(page: Page) -> None:
    run = ranking_run(4)
    first, _, third, _ = (entry["name"] for entry in run["list"]["features"])
    decided = [
        {"decision": "keep", "why": "top_k", "copies": [third]},
        {"decision": "keep", "why": "top_k", "copies": []},
        {"decision": "prune", "why": "copy", "copies": [first]},
        {"decision": "keep", "why": "top_k", "copies": []},
    ]
    features = [{**entry, **each} for entry, each in zip(run["list"]["features"], decided, strict=True)]
    draw(page, "ranking", run | {"list": run["list"] | {"features": features}})
    why = page.locator(".tabulator-cell[tabulator-field=why]").all_inner_texts()
    assert [reason.split(";")[0] for reason in why] == [
        "rank 1 ≤ 3",
        "rank 2 ≤ 3",
        f"copy of {first}, which stays",
        "rank 3 ≤ 3",
    ]


def test_a_selector_without_details_or_shares_is_shown_as_it_is(page: Page) -> None:
    run = ranking_run(3)
    features = [
        {**entry, "details": {}, "score": score}
        for entry, score in zip(run["list"]["features"], (-1.5, 12.0, 3.25), strict=True)
    ]
    selector = SelectorInfo(name="permutation", family="sensitivity", probability_like=False).document()
    run |= {"list": run["list"] | {"features": features, "selector": selector}}
    draw(page, "ranking", run)
    rows = page.locator(".tabulator-row")
    assert rows.get_by_role("link").all_inner_texts() == [entry["name"] for entry in features]
    assert "12.0000" in rows.nth(1).inner_text()
    assert page.locator(".tabulator-row .bar").count() == 0, "a score that is no share has no bar"
    assert page.get_by_role("columnheader", name="Divergence").count() == 0
    draw(page, "choice", run)
    ways = page.get_by_role("group", name="Cut by").locator("label")
    assert ways.all_inner_texts() == ["Number of features", "Budget of dims"]


def test_a_lists_own_budget_is_where_the_slider_begins(page: Page) -> None:
    scores = scores_of(random.Random(17), 40, essential=0.1)
    for key, way, limit in (
        ("keep_dims", "Budget of dims", 300),
        ("keep_bytes", "Budget of embedding memory", 20_000),
        ("keep_cost", "Budget of cost", 6.5),
    ):
        rule = PruneSpec.model_validate({"rule": "budget", key: limit})
        draw(page, "choice", run_of(scores, rule, curve_of(scores, points=9)))
        panel = page.get_by_role("region", name="Try another cut")
        assert panel.get_by_label(way).is_checked()
        assert panel.get_by_role("spinbutton").input_value() == str(limit)
        assert "Identical decisions to the list." in panel.inner_text()
        assert page.evaluate("window.chosen.at(-1).rule") == {"rule": "budget", key: limit}
    share = run_of(scores, PruneSpec(rule="dims", share=1 / 3), curve_of(scores, points=9))
    draw(page, "choice", share)
    assert panel.get_by_label("Budget of dims").is_checked()
    assert "Identical decisions to the list." in panel.inner_text()


def test_a_list_of_version_1_is_read_as_the_trainers_read_it(page: Page) -> None:
    old = json.loads((ROOT / "tests/golden/v0_1_0/run/prune_list.json").read_text(encoding="utf-8"))
    assert old["schema_version"] == 1
    read = page.evaluate("async (old) => (await import('views/run')).listOf(old)", old)
    found = PruneList.parse(read).document()
    assert found == PruneList.parse(old).document()
    assert page.evaluate("async (list) => (await import('views/run')).listOf(list)", found) == found
