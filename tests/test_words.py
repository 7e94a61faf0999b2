"""One word for each thing: the glossary's. Words that it has replaced appear nowhere that people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

# What was said, as a pattern of whole words, and the standard word.
OUTDATED = {
    r"endurance": "mean gate",
    r"undecided": "crossing share (of gates), awaiting review (of lists)",
    r"stand[-_]ins?": "replacement value",
    r"pric(?:e|es|ed|ing)": "penalty, penalized",
    r"settle[sd]?|settling": "after_step, decide",
    r"judge[sd]?|judging": "evaluate, observe, compare",
    r"sightings?": "observation, attempt status",
    r"happenings?": "events, event counters",
    r"standing": "status",
    r"yardsticks?": "comparison, full model",
    r"gates_rest|loss_rests": "gates_converged, loss_converged",
    r"cool-down": "cooldown",
}
# Where an outdated word still stands as a name that answers for one version, or in a sentence of another meaning.
ALLOWED: dict[str, tuple[str, ...]] = {
    # Old names of keys, read and written for one more version.
    "docs/reference/spec.md": ("stand_in",),
    "docs/reference/prune-list.md": ("endurance",),
    "trainers/runs/measures.py": ("undecided",),
    "trainers/runs/measures_reader.py": ("undecided",),
    "trainers/runs/progress.py": ("undecided",),
    "trainers/runs/prune_list.py": ("endurance",),
    "trainers/selectors/gates/permutation_options.py": ("stand_in",),
    "trainers/spec/renamed.py": ("stand_in",),
    "docs/reference/metrics.md": ("undecided",),
    "service/metrics/run_gauges.py": ("undecided",),
    "service/prune_lists/formats.py": ("endurance",),
    "trainers/web/modules/run.js": ("endurance",),
}
PROSE = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").glob("*.yaml"),
]
# Packages whose strings, docstrings and browser modules are held to it as well.
PACKAGES = ("sharding", "trainers", "service")
PATTERN = re.compile("|".join(rf"(?<![A-Za-z0-9])(?:{word})(?![A-Za-z0-9])" for word in OUTDATED), re.IGNORECASE)


def texts(path: Path) -> Iterator[str]:
    """What people read of a file: all of a page or a browser module, and the strings of a Python module."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def sources(package: str) -> Iterator[Path]:
    kinds = {".py", ".js", ".html"}
    generated = {"node_modules", "libraries"}
    for path in sorted((ROOT / package).rglob("*")):
        if path.suffix in kinds and not generated & set(path.parts):
            yield path


FILES = sorted([*PROSE, *(path for package in PACKAGES for path in sources(package))])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_outdated_words_are_gone(path: Path) -> None:
    allowed = ALLOWED.get(str(path.relative_to(ROOT)), ())
    found = {match for text in texts(path) for match in PATTERN.findall(text)}
    assert found <= set(allowed), f"say it in the glossary's words: {sorted(found - set(allowed))}"


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_still_there(name: str) -> None:
    assert set(ALLOWED[name]) == {match for text in texts(ROOT / name) for match in PATTERN.findall(text)}


def test_the_patterns_find_words_and_not_their_neighbours() -> None:
    assert PATTERN.findall("The gate is priced, a stand-in; `gates_undecided_ratio`.") == [
        "priced",
        "stand-in",
        "undecided",
    ]
    assert PATTERN.findall("settlement, misjudgement, prices2, outstanding, understanding") == []


# The words of which every page may make use without saying what they mean.
TERMS = """
feature, dims, gate, score, ranking, selector, sensitivity, tabular, backbone, replacement value, permutation,
divergence, mean gate, penalty, α, warm-up, polarization, convergence, crossing share, curve, rule, guard, decision,
threshold, prune list, retrain, fine-tuning, stage, state, attempt, lease, trigger, schedule, candidate, bilevel, joint,
progressive, proposed, awaiting review, approved, active, superseded, rolled back, rejected, features kept,
memory saved, cooldown, missed run, scope, details, run, job, key, webhook, status
"""


def test_the_glossary_defines_the_terms() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### ([^\n]+)\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    headings = [term.strip() for heading, _ in entries for term in heading.split(",")]
    assert len(headings) == len(set(headings))
    assert {term.strip() for term in TERMS.replace("\n", " ").split(",")} <= set(headings)
    assert [heading for heading, body in entries if not body.strip().endswith(".")] == []
    assert max(body.count(". ") for _, body in entries) <= 3, "a few sentences each"
