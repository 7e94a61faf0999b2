"""A selector and a backbone of another package, found by their entry points and run from spec to prune list."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyDataset
from tests.support.repository import ROOT
from trainers.extensions import ExtensionError, find_subclasses
from trainers.runs.prune_list import PruneList, SelectorInfo
from trainers.selectors import gates, sensitivity, tabular
from trainers.selectors.base import SelectorSpec
from trainers.selectors.registry import SELECTORS
from trainers.spec import BACKBONES, load_spec

SELECTOR = '''
"""Ranks features by how far their first number lies from the label's, on average."""

from typing import Annotated, Literal

from pydantic import Field

from trainers.selectors.base import Ranking, TabularSpec
from trainers.selectors.tabular.sample import Numbers, Sample


class NearnessSpec(TabularSpec):
    name: Literal["nearness"]
    scale: Annotated[float, Field(gt=0.0)] = 1.0

    def rank(self, sample: Sample) -> Ranking:
        import numpy as np

        scores = {}
        for name, column in sample.columns.items():
            near = isinstance(column, Numbers) and np.corrcoef(column.values_Nd[:, 0], sample.label_N)[0, 1]
            scores[name] = self.scale * float(near)
        return Ranking.by_score(scores, details={"half": {name: score / 2 for name, score in scores.items()}})
'''
BACKBONE = '''
"""A linear model of the input's direction. Columns can't be folded into it, so `cut` is left out."""

from typing import Literal

from trainers.models.backbones.spec import BackboneSpec


class CosineSpec(BackboneSpec):
    backbone: Literal["cosine"]
    scale: float = 10.0

    def build(self, layout, labels=1):
        from acme.network import Cosine

        return Cosine(layout, self, labels)
'''
NETWORK = """
from torch import nn

from trainers.models.backbones.base import Backbone


class Cosine(Backbone):
    def __init__(self, layout, spec, labels=1):
        super().__init__(layout, spec, labels)
        self.out = nn.Linear(layout.total, labels)

    def forward(self, x_BC):
        return self.out(self.spec.scale * nn.functional.normalize(x_BC, dim=1))
"""
RUN = """
import sys, warnings
from pathlib import Path
from rich.console import Console
warnings.simplefilter("ignore")
from trainers.spec.order import canonical_order
from trainers.pipeline.results_writer import write_results
from trainers.pipeline.selection import Selection
from trainers.runs.coordinator import Coordinator
from trainers.report.page import render
from trainers.report.terminal import print_result
from trainers.runs.directory import RunDirectory, write_json
from trainers.spec import load_spec
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.ranks import RankContext
spec, folder = load_spec(sys.argv[1]), Path(sys.argv[2])
coordinator = Coordinator(tuple(canonical_order(spec).dims))
outcome = Selection(spec, RankContext(), coordinator, DirectoryCheckpoints(folder / "checkpoints")).run()
coordinator.finish(0, outcome)
run = RunDirectory(folder)
write_json(run.spec, spec.model_dump(mode="json"))
write_results(spec, run, coordinator, {"total": 1.0})
render(run)
print_result(run, None, Console(width=120))
"""
COMMAND = "from service.cli import app; app()"
# The choices of the service's forms, before the command.
OFFERED = "from service.web.routes import backbones; print(*backbones())\n"


def install(folder: Path, entry_points: str) -> Path:
    """A package `acme` as pip leaves it."""
    for name, text in {"__init__": "", "selector": SELECTOR, "backbone": BACKBONE, "network": NETWORK}.items():
        path = folder / "acme" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    described = folder / "acme-1.0.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    return folder


def run(code: str, *arguments: Path | str, package: Path) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}
    )


def spec_file(tiny: TinyDataset, folder: Path) -> Path:
    raw = load_spec(tiny.spec).model_dump(mode="json")
    del raw["prune"]
    raw |= {
        "selector": {"name": "nearness", "scale": 2.0, "sample_rows": 400},
        "model": {"backbone": "cosine", "scale": 5.0},
        "training": {"batch_size": 64, "epochs": 4, "learning_rate": 0.1},
        "essential": ["genres"],
        "prune": {"rule": "top_k", "top_k": 2},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_a_selector_and_a_backbone_of_another_package_run_end_to_end(tiny_dataset: TinyDataset, tmp_path: Path) -> None:
    points = (
        "[winnow.selectors]\nnear = acme.selector:NearnessSpec\n[winnow.backbones]\ncos = acme.backbone:CosineSpec\n"
    )
    package, spec = install(tmp_path / "site", points), spec_file(tiny_dataset, tmp_path)
    checked = run(OFFERED + COMMAND, "check", spec, package=package)
    assert checked.returncode == 0, checked.stderr
    assert set(checked.stdout.splitlines()[0].split()) == {*BACKBONES, "cosine"}
    ended = run(RUN, spec, tmp_path / "run", package=package)
    assert ended.returncode == 0, ended.stderr
    assert "Features by nearness: the first 2 of the ranking kept" in ended.stdout
    assert (tmp_path / "run" / "report.html").stat().st_size > 0
    found = PruneList.parse(json.loads((tmp_path / "run" / "prune_list.json").read_text()))
    assert found.selector == SelectorInfo(name="nearness", family="tabular", probability_like=False)
    assert [feature.name for feature in found.features][:2] == ["genres", "age"]
    assert found.kept == ("genres", "age")
    age = found.features[1]
    assert age.score > 1
    assert age.details == {"half": age.score / 2}
    assert found.diagnostics["sample_rows"] == 400
    assert found.warning is None
    assert found.metrics.full.auc is not None
    assert found.metrics.full.auc > 0.75


@pytest.mark.parametrize("registry", [SELECTORS, BACKBONES], ids=["selectors", "backbones"])
def test_no_code_outside_the_registries_lists_what_they_hold(registry: dict[str, Any]) -> None:
    """A list by hand would lack the next one. A file may name the default, and a relative of it."""
    own = re.compile(r"trainers/(selectors/\w+/|models/backbones/\w+/|web/(node_modules|libraries)/)")
    files = [
        str(path.relative_to(ROOT))
        for root in ("trainers", "service", "sharding", "tests/support")
        for path in (ROOT / root).rglob("*")
        if path.suffix in (".py", ".js", ".ts", ".html")
    ]
    name = rf"(?:{'|'.join(registry)})"
    quoted, listed = re.compile(rf"[\"'`]{name}[\"'`]"), re.compile(rf"\b{name}, {name},? (?:(?:or|and) )?{name}\b")
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in files if not own.match(file)}
    lists = [file for file, text in texts.items() if len(set(quoted.findall(text))) > 2 or listed.search(text)]
    assert lists == []


def test_the_reference_has_a_line_of_each() -> None:
    for page, registry in (("selectors", SELECTORS), ("backbones", BACKBONES)):
        text = (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8")
        lines = re.findall(r"^\| (`.*?) \|", text, re.M)
        named = {name for line in lines for name in re.findall(r"`(\w+)`", line)}
        assert {*registry} <= named, page


def test_the_command_line_says_in_one_line_which_package_to_mend(tiny_dataset: TinyDataset, tmp_path: Path) -> None:
    package = install(tmp_path, "[winnow.selectors]\nnear = acme.selektor:NearnessSpec\n")
    ended = run(COMMAND, "check", tiny_dataset.spec, package=package)
    assert ended.returncode == 2
    assert ended.stderr == (
        "winnow: entry point 'near' (acme.selektor:NearnessSpec) of acme doesn't load: "
        "ModuleNotFoundError(\"No module named 'acme.selektor'\"); mend or uninstall that package\n"
    )


WRONG = """
from typing import Literal
from trainers.selectors.base import TabularSpec


class Taken(TabularSpec):
    name: Literal["leap"]

    def rank(self, sample): ...


class Nameless(TabularSpec):
    def rank(self, sample): ...


class Unfinished(TabularSpec):
    name: Literal["unfinished"]
"""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("wrong_selectors:Taken", "name 'leap' is taken by trainers.selectors.gates.leap; rename yours"),
        ("wrong_selectors:Nameless", "give Nameless.name a Literal of one name"),
        ("wrong_selectors:Unfinished", "name a subclass of SelectorSpec without abstract methods"),
        ("wrong_selectors:Literal", "name a subclass of SelectorSpec without abstract methods"),
        ("wrong_selectors:Nobody", "mend or uninstall that package"),
    ],
)
def test_a_bad_entry_point_is_named(value: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong_selectors.py").write_text(WRONG, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = EntryPoints([EntryPoint(name="mine", value=value, group="winnow.selectors")])
    monkeypatch.setattr("trainers.extensions.installed", lambda group: points.select(group=group))
    family: Any = SelectorSpec
    with pytest.raises(ExtensionError) as raised:
        find_subclasses(
            family, key="name", folders=(gates,), modules=(sensitivity, tabular), entry_points="winnow.selectors"
        )
    message = str(raised.value)
    assert message.startswith(f"entry point 'mine' ({value}) of an unknown package")
    assert said in message
    assert "\n" not in message
