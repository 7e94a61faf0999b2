"""The report: every number of the prune list on the page, nothing from outside, hostile names harmless."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.finished_run import FINETUNED, FULL, finished_run, truth_file
from trainers.report import render
from trainers.report.plots import GAP, _spread, history
from trainers.report.summary import Quality, Saving, rule, size
from trainers.run_directory import RunDirectory, read_json

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', r"$\frac{1$", "--></svg>{{7*7}}", "a" * 200)


class Page(HTMLParser):
    """The page's visible text, its tags with their attributes, and the cells of its tables by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self._hidden = self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._hidden = tag in ("style", "script")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)
        if self._cell:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


@pytest.fixture
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time, and tells these tests nothing."""
    names = ("gates", "polarization", "losses", "curve", "divergence", "dim")
    monkeypatch.setattr("trainers.report.page.plots", lambda *_: dict.fromkeys(names, ""))


def rendered(run: RunDirectory, truth: Path | None = None) -> Page:
    return Page(render(run, truth).read_text(encoding="utf-8"))


@pytest.mark.usefixtures("without_plots")
def test_every_feature_has_a_row_with_its_decision(tmp_path: Path) -> None:
    run = finished_run(tmp_path, essential=("noise_2",))
    rows = rendered(run).rows
    for rank, feature in enumerate(read_json(run.prune_list)["features"], 1):
        shown = [str(rank), feature["name"], feature["decision"], f"{feature['score']:.4f}", str(feature["dim"])]
        assert [*shown, feature["kind"], f"{feature['divergence']:.4f}", feature["why"]] in rows
    assert rows[-5][1:3] == ["noise_2", "keep"]


@pytest.mark.usefixtures("without_plots")
def test_savings_and_quality_are_those_of_the_prune_list(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path))
    assert ["features", "5", "2", "60.0%"] in page.rows
    assert ["embedding bytes", "8,000", "3,200", "60.0%"] in page.rows
    assert ["auc", "0.75000", "0.75000", "0.74950", "-0.00050"] in page.rows
    assert ["logloss", "0.50000", "0.50000", "0.50100", "+0.00100"] in page.rows
    assert "3 of 5" in page.text
    assert "8.0 kB → 3.2 kB" in page.text
    assert "12,345 rows, 25.00% positive" in page.text


@pytest.mark.usefixtures("without_plots")
def test_a_passed_guard_and_no_cautions(tmp_path: Path) -> None:
    names = tuple(f"f{place}" for place in range(2))
    page = rendered(finished_run(tmp_path, names=names))
    assert "✓ passed" in page.text
    assert "Warning" not in page.text


@pytest.mark.usefixtures("without_plots")
def test_a_refused_guard_says_by_how_much(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path, finetuned=replace(FINETUNED, auc=0.74)))
    assert "✗ refused auc 0.75000 → 0.74000, 0.01000 worse" in page.text


@pytest.mark.usefixtures("without_plots")
def test_gates_that_have_not_parted_are_warned_of(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path))
    assert "Warning: 60% of the gates lie between 0.1 and 0.9" in page.text


@pytest.mark.usefixtures("without_plots")
def test_a_full_model_worse_than_the_base_rate_is_warned_of(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path, full=replace(FULL, ne=1.31)))
    assert "worse than its base rate does (NE 1.31, over 1)" in page.text


@pytest.mark.usefixtures("without_plots")
def test_metrics_that_are_not_defined_are_dashes(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path, full=replace(FULL, auc=None, ne=None)))
    assert ["auc", "–", "0.75000", "0.74950", "–"] in page.rows
    assert "auc is not defined" in page.text


@pytest.mark.usefixtures("without_plots")
def test_the_truth_names_what_was_decided_wrong(tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "truth.json", {"clicks": "noise", "user_id": "strong", "noise_1": "strong"})
    run = finished_run(tmp_path / "run")
    page = rendered(run, truth)
    assert ["strong", "2", "1", "1", "keep", "noise_1"] in page.rows
    assert ["noise", "1", "1", "0", "prune", "clicks"] in page.rows
    assert "known truth" not in rendered(run).text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    names = (*HOSTILE, "clicks", "views")
    truth = truth_file(tmp_path / "truth.json", {HOSTILE[0]: "noise"})
    page = rendered(finished_run(tmp_path / "run", names=names), truth_file(truth, {HOSTILE[0]: "noise"}))
    assert {row[1] for row in page.rows if len(row) == 8} >= set(names)
    assert page.count("script") == 1
    assert page.count("img") == 0


def test_nothing_is_fetched(tmp_path: Path) -> None:
    names = tuple(f"f{place:02}" for place in range(50))
    text = render(finished_run(tmp_path, names=names)).read_text(encoding="utf-8")
    page = Page(text)
    assert not page.count("link")
    assert "@import" not in text
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, name)
    assert not re.search(r"url\((?!#)", text)
    contents = [attributes.get("content", "") for tag, attributes in page.tags if tag == "meta"]
    assert any(content.startswith("default-src 'none'") for content in contents)


def test_a_thousand_features_and_five_hundred_snapshots_fit_in_five_megabytes(tmp_path: Path) -> None:
    names = tuple(f"feature_with_a_rather_long_name_{place:04}" for place in range(1000))
    report = render(finished_run(tmp_path, names=names, snapshots=500))
    assert report.stat().st_size < 5e6
    assert report.read_text(encoding="utf-8").count('<tr class="') == 1000


def test_a_single_snapshot_of_a_single_feature_is_drawn(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path, names=("only",), snapshots=1))
    assert page.count("svg") == 6


@pytest.mark.parametrize("count", [5, 50], ids=["lines", "heat map"])
def test_every_plot_tells_what_it_shows_and_has_ids_of_its_own(tmp_path: Path, count: int) -> None:
    page = rendered(finished_run(tmp_path, names=tuple(f"f{place}" for place in range(count))))
    plots = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert all(plot["role"] == "img" and len(plot["aria-label"]) > 20 for plot in plots)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("without_plots")
def test_table_headers_have_scopes(tmp_path: Path) -> None:
    page = rendered(finished_run(tmp_path))
    assert {attributes.get("scope") for tag, attributes in page.tags if tag == "th"} == {"col", "row"}


@pytest.mark.usefixtures("without_plots")
def test_text_stands_out_in_both_themes(tmp_path: Path) -> None:
    """WCAG's contrast of at least 4.5 for text, 3 for what is drawn."""
    text = render(finished_run(tmp_path)).read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", text, re.S)
    )
    for theme in (light, dark):
        for ground in ("paper", "panel"):
            for ink in ("ink", "soft", "good", "bad"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, theme[ink], ground)
        for ink in ("keep", "prune", "third"):
            assert contrast(theme[ink], theme["paper"]) >= 3, (ink, theme[ink])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_history_is_that_of_the_file(tmp_path: Path) -> None:
    run = finished_run(tmp_path, names=("a", "b", "c"), snapshots=4)
    step_T, gate_TF, names = history(run)
    assert step_T.tolist() == [50, 100, 150, 200]
    assert gate_TF.shape == (4, 3)
    assert names == ["a", "b", "c"]
    assert gate_TF[-1, 0] > gate_TF[-1, 1] > gate_TF[-1, 2]


@pytest.mark.parametrize("heights", [[], [0.5], [0.5, 0.5, 0.5], [0.1, 0.11, 0.9], [0.88, 0.89, 0.9, 0.9], [0.0, 0.0]])
def test_labels_keep_their_distance_and_stay_inside(heights: list[float]) -> None:
    placed = _spread(np.array(heights)).tolist()
    assert len(placed) == len(heights)
    assert all(above - below >= GAP - 1e-9 for below, above in pairwise(placed))
    assert all(0 <= height <= 1 for height in placed)


def test_labels_with_room_stay_where_they_are() -> None:
    assert _spread(np.array([0.2, 0.5, 0.8])).tolist() == pytest.approx([0.2, 0.5, 0.8])
    assert _spread(np.array([0.5, 0.5])).tolist() == pytest.approx([0.5 - GAP / 2, 0.5 + GAP / 2])


@pytest.mark.parametrize(
    ("prune", "words"),
    [
        ({"rule": "threshold", "threshold": 0.6}, "kept from a gate of 0.6 on"),
        ({"rule": "top_k", "top_k": 20}, "the 20 highest gates kept"),
        ({"rule": "dims", "share": 0.3}, "kept by gate until 30% of the dims are spent"),
        (
            {"rule": "curve", "delta": 0.001},
            "the fewest features whose validation logloss is within 0.001 of that of all",
        ),
    ],
)
def test_rules_in_words(prune: dict[str, Any], words: str) -> None:
    assert rule({"prune": prune}) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (432, "432 B"), (999.7, "1.0 kB"), (2364, "2.4 kB"), (11_695_840, "11.7 MB"), (3.2e14, "320 TB")],
)
def test_sizes_as_people_read_them(count: float, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("metric", "finetuned", "better"),
    [("auc", 0.8, True), ("auc", 0.6, False), ("logloss", 0.8, False), ("ne", 0.6, True), ("auc", 0.7, None)],
)
def test_better_depends_on_the_metric(metric: str, finetuned: float, better: bool | None) -> None:
    assert Quality(metric=metric, full=0.7, pruned=0.7, finetuned=finetuned).better is better


def test_no_share_is_saved_of_nothing() -> None:
    assert Saving(label="embedding bytes", before=0, after=0).saved is None


@pytest.mark.usefixtures("without_plots")
def test_the_spec_is_on_the_page(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    text = render(run).read_text(encoding="utf-8")
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.S)
    assert shown
    assert json.loads(html.unescape(shown.group(1))) == read_json(run.spec)
