"""Selectors and backbones of another package: the code of the how-to pages, installed and run as it is printed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.trainers.test_extensions import run
from trainers.runs.directory import RunDirectory, read_json
from trainers.runs.prune_list import PruneList
from trainers.simulator import simulate

HOW_TO = ROOT / "docs" / "how-to"


def install(page: Path, site: Path) -> None:
    """Write the page's files below `site`, with the metadata that an installer makes of its pyproject.toml."""
    blocks = re.findall(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    files = {name: text for name, text in blocks if "/" in name}
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(dict(blocks)["pyproject.toml"])["project"]
    metadata = site / f"{project['name']}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    points = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in each.items())])
        for group, each in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(points) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "small"
    simulate(features=10, rows=2000, seed=0, output=folder)
    return folder


# One process makes a page's runs, and imports torch once for them.
COMMANDS = """
import json, sys
from service.cli import app
for arguments in json.loads(sys.argv[1]):
    code = app(arguments, standalone_mode=False)
    assert code in (None, 0, 3), (arguments, code)
"""


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("add-a-backbone.md", {"leap": "model: {backbone: cosine, scale: 5}"}),
        (
            "add-a-selector.md",
            {"correlation": "selector: {name: correlation}", "shrink": "selector: {name: shrink}"},
        ),
    ],
)
def test_what_the_pages_add_runs_from_spec_to_prune_list(
    page: str, parts: dict[str, str], data: Path, tmp_path: Path
) -> None:
    """`parts` is a line of the spec by the selector that then runs."""
    install(HOW_TO / page, tmp_path / "site")
    commands = [
        ["run", str(spec_with(part, data, selector)), "--output", str(tmp_path / selector), "--quiet"]
        for selector, part in parts.items()
    ]
    ended = run(COMMANDS, json.dumps(commands), package=tmp_path / "site")
    assert ended.returncode == 0, ended.stderr
    for selector in parts:
        found = PruneList.parse(read_json(RunDirectory(tmp_path / selector).prune_list))
        assert found.selector.name == selector
        assert [feature.decision for feature in found.features] == ["keep"] * 5 + ["prune"] * 5


def spec_with(part: str, data: Path, name: str) -> Path:
    """The spec of the data with another line in place of one, and a short training."""
    key = part.partition(":")[0]
    lines = (data / "spec.yaml").read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if not line.startswith((f"{key}:", "training:"))]
    short = ["training: {seed: 0, epochs: 1}", "finetune: {epochs: 1}", "prune: {rule: top_k, top_k: 5}"]
    spec = data / f"{name}.yaml"
    spec.write_text("\n".join([part, *short, *others]), encoding="utf-8")
    return spec
