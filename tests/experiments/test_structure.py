"""The figures of tests.experiments.structure, on a toy repository whose values are counted by hand."""

import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.experiments import structure
from tests.experiments.source import Checkout, GitError, between_parts, cycles
from tests.support.modules import Module

FILES = {
    "trainers/__init__.py": "",
    "trainers/spec.py": '"""The spec."""\n\nfrom trainers.data import Batch\n',  # data is a later layer
    "trainers/data/__init__.py": '"""Data."""\n\nfrom trainers.data.source import Batch\n\n__all__ = ["Batch"]\n',
    "trainers/data/source.py": "from .. import spec\n\n\nclass Batch:\n    def told(self):\n        return spec\n",
    "trainers/watching.py": "import torch.nn\n\n\ndef look():\n    from service import core\n\n    return core\n",
    "service/__init__.py": "",
    "service/core.py": "from fastapi import Response\nfrom fastapi.responses import JSONResponse\n",
    "service/routers/jobs.py": "from fastapi import APIRouter\n\nfrom service import core\nimport trainers.spec\n",
    "service/store.py": "import service.routers.jobs\nimport trainers.data\nimport torch\n",
    "service/client.py": '"""Made by a tool; not to be edited."""\n\n\ndef f():\n    """Do."""\n',
    "tests/test_spec.py": "def test_it():\n    assert True\n",
    "docs/index.md": "Hello\n",
}


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.com"]
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)


def commit(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Toy")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, FILES)
    (tmp_path / "trainers/untracked.py").write_text("import service\n", encoding="utf-8")
    return tmp_path


def test_edges_lead_to_modules_of_the_checkout_or_to_libraries(toy: Path) -> None:
    assert Checkout(toy).edges == {
        ("trainers.spec", "trainers.data"),
        ("trainers.data", "trainers.data.source"),
        ("trainers.data.source", "trainers.spec"),
        ("trainers.watching", "torch"),
        ("trainers.watching", "service.core"),
        ("service.core", "fastapi"),
        ("service.routers.jobs", "fastapi"),
        ("service.routers.jobs", "service.core"),
        ("service.routers.jobs", "trainers.spec"),
        ("service.store", "service.routers.jobs"),
        ("service.store", "trainers.data"),
        ("service.store", "torch"),
    }


def test_imports_are_counted_by_package_layer_and_rule(toy: Path) -> None:
    assert structure.imports(Checkout(toy)) == {
        "`trainers`: parts, modules": "3, 5",
        "`trainers`: import edges between parts, modules": "2, 3",
        "`service`: parts, modules": "4, 5",
        "`service`: import edges between parts, modules": "2, 2",
        "`sharding`: parts, modules": "0, 0",
        "`sharding`: import edges between parts, modules": "0, 0",
        "import cycles of parts": "1, with 2 parts",
        "import cycles of modules": "1, with 3 modules",
        # spec → data is the one; data → spec follows the order; routers is in no layer.
        "import edges against the order of layers": "1 of 2; 2 outside the layers",
        "`trainers` imports `service`": "1",
        "`service` without `cli` imports `trainers` beyond what it shares": "1",
        "`sharding` imports `trainers` or `service`": "0",
        "routers or `api` imported from outside HTTP": "1",
        "FastAPI or Starlette outside HTTP": "1",
        "`service.schemas` imports HTTP, SQL or other parts than `core`": "0",
        "torch in torch-free parts": "1",
    }


def test_listings_show_files_and_folders_that_git_tracks(toy: Path) -> None:
    assert structure.listings(Checkout(toy)) == {
        "names in `trainers/`": "4",
        "names in `service/`": "5",
        "names in `tests/`": "1",
        "names in `docs/`": "1",
        "fullest folder below a package": "2, `trainers/data/`",
    }


def test_sizes_are_of_what_is_written_by_hand(toy: Path) -> None:
    sizes = structure.sizes(Checkout(toy))
    assert sizes["lines of Python"] == "30 in 9 files"
    assert sizes["the same, generated"] == "5 in 1 files"
    assert sizes["tests"] == "2 in 1 files"
    assert sizes["lines a file, median"] == "4"  # of 3, 5, 6, 7, 2, 4, 3: empty files have none
    assert [sizes[f"longest file, {place}"] for place in (1, 2)] == [
        "7, `trainers/watching.py`",
        "6, `trainers/data/source.py`",
    ]
    assert sizes["lines a function, median"] == "3"
    assert sizes["longest function, 1"] == "4, `trainers.watching.look`"
    assert sizes["longest function, 2"] == "2, `trainers.data.source.Batch.told`"
    assert "longest function, 3" not in sizes
    # Seven modules, Batch, told and look; spec and data have docstrings.
    assert sizes["public things with a docstring"] == "20% of 10"
    assert sizes["module names that are gerunds"] == "1"
    assert sizes["functions named by a participle alone"] == "1"


def test_private_and_nested_things_are_not_public() -> None:
    public = '"""M."""\nclass A:\n    """A."""\n    def _p(self): ...\n    def q(self):\n        def r(): ...\n'
    private = "class _B:\n    def s(self): ...\n"
    assert list(Module("trainers/a.py", public + private).public()) == [True, True, False]


def test_cycles_are_strongly_connected() -> None:
    edges = {("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("f", "a")}
    assert cycles(edges) == {frozenset("abc"), frozenset("de")}
    assert cycles({("a", "b"), ("a", "c"), ("b", "c")}) == set()


def test_edges_of_parts_are_distinct_pairs() -> None:
    edges = {("t.a.x", "t.b"), ("t.a.y", "t.b.z"), ("t.a.x", "t.a.y"), ("t", "t.a"), ("t.a.x", "s.b")}
    assert between_parts(edges) == {("t.a", "t.b"), ("t.a", "s.b")}


def test_lines_since_a_commit_follow_files_that_moved(toy: Path) -> None:
    git(toy, "tag", "before")
    git(toy, "mv", "trainers/watching.py", "service/watch.py")
    git(toy, "rm", "--quiet", "service/client.py", "trainers/spec.py", "docs/index.md")
    commit(toy, {"README.md": "One\nTwo\n", "package-lock.json": "{}\n", "tests/golden/a.json": "1\n2\n"})
    table = structure.changes_table("toy", structure.changes(toy, "before"), "before")
    assert table.splitlines() == [
        "| toy since before | lines added | lines deleted | files moved |",
        "| --- | --- | --- | --- |",
        "| beside the folders | 2 | 0 | 0 |",
        "| docs/ | 0 | 1 | 0 |",
        "| service/ | 0 | 0 | 1 |",
        "| trainers/ | 1 | 3 | 0 |",  # the untracked file is committed too
        "| generated | 3 | 5 | 0 |",
        "| all but generated | 3 | 4 | 1 |",
    ]


def test_checkouts_stand_beside_each_other(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "--quiet")
    commit(other, {"trainers/spec.py": '"""The spec."""\n', "sharding/layout.py": '"""Columns."""\n'})
    table = structure.measure([Checkout(toy), Checkout(other)]).splitlines()
    assert "| names in `trainers/` | 4 | 1 |" in table
    assert "| names in `service/` | 5 | – |" in table
    assert "| `trainers` imports `service` | 1 | 0 |" in table
    assert all(row.count("|") == 4 for row in table)


def test_the_list_names_each_import_that_is_counted(toy: Path) -> None:
    assert list(structure.breaches(Checkout(toy))) == [
        "- cycle of parts: trainers.data, trainers.spec",
        "- cycle of modules: trainers.data, trainers.data.source, trainers.spec",
        "- layers: trainers.spec → trainers.data",
        "- `trainers` imports `service`: trainers.watching → service.core",
        "- `service` without `cli` imports `trainers` beyond what it shares: service.store → trainers.data",
        "- routers or `api` imported from outside HTTP: service.store → service.routers.jobs",
        "- FastAPI or Starlette outside HTTP: service.core → fastapi",
        "- torch in torch-free parts: service.store → torch",
    ]


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not a git repository"):
        Checkout(tmp_path)


def test_the_command_prints_every_table(toy: Path) -> None:
    app = typer.Typer()
    app.command()(structure.main)
    ended = CliRunner().invoke(app, [str(toy), "--since", "HEAD", "--list"])
    assert ended.exit_code == 0, ended.output
    assert "since HEAD | lines added" in ended.output
    assert "- torch in torch-free parts: service.store → torch" in ended.output
