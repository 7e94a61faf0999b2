"""The documentation: links, words, commands, and what is generated from the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
import typer.core

from service.cli import app
from tests.support.repository import ROOT
from tests.support.spec_reference import render
from trainers.data.checks.check import check
from trainers.spec import load_spec

DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
TUTORIAL = DOCS / "tutorial" / "first-prune-list.md"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def prose(path: Path) -> str:
    """The text without code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Those that GitHub makes of the headings: lower case, no punctuation, dashes for blanks."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["spec", "prune-list", "benchmark"])
def test_generated_pages_are_those_of_the_code(page: str) -> None:
    assert (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8") == render(page), (
        f"out of date: python -m tests.support.spec_reference {page} > docs/reference/{page}.md"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid_specs(path: Path) -> None:
    load_spec(path)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(link)
    assert missing == []


def test_the_index_has_every_page() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", index.read_text(encoding="utf-8"))}
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_files_and_modules_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = "|".join(("tests", "trainers", "service", "sharding", "deploy", "docker", "examples"))
    named = re.findall(rf"(?<![\w/.])(?:{folders})/[\w./*-]*\w", text)
    assert [name for name in named if "NAME" not in name and not [*ROOT.glob(name)]] == []
    run = [module.replace(".", "/") for module in re.findall(rf"python -m ((?:{folders})\.[\w.]+)", text)]
    assert [
        name for name in run if not (ROOT / f"{name}.py").exists() and not (ROOT / name / "__main__.py").exists()
    ] == []


def commands(path: Path) -> Iterator[list[str]]:
    """Words of every `winnow …` line, as the shell gives them."""
    for block in blocks(path, "(?:sh|bash)"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if line.lstrip().startswith("winnow ") else []
            if words:
                yield words[1:]


@cache
def command_line() -> typer.core.TyperGroup:
    made = typer.main.get_command(app)
    assert isinstance(made, typer.core.TyperGroup)
    return made


COMMANDS = [(path, words) for path in PAGES for words in commands(path)]


@pytest.mark.parametrize(("path", "words"), COMMANDS, ids=[f"{path.stem}: {' '.join(w)}" for path, w in COMMANDS])
def test_commands_have_the_options_that_the_pages_give_them(path: Path, words: list[str]) -> None:
    context = typer.Context(command_line())
    while isinstance(context.command, typer.core.TyperGroup):
        found = context.command.get_command(context, words[0])
        assert found is not None, f"no command {words[0]}"
        context, words = typer.Context(found, parent=context, info_name=words[0]), words[1:]
    _, left, _ = context.command.make_parser(context).parse_args(list(words))
    assert left == []


def test_the_specs_of_the_tutorial_and_the_gate_of_the_guide_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tutorial's data and spec fit together; the guide's loop learns gates."""
    monkeypatch.chdir(tmp_path)
    make, kept = blocks(TUTORIAL, "python")
    compile(kept, "kept.py", "exec")
    exec(make.replace("60_000", "20_000"), {})  # noqa: S102 (our own page)
    (spec,) = blocks(TUTORIAL, "yaml")
    Path("clicks.yaml").write_text(spec, encoding="utf-8")
    (line,) = check(load_spec("clicks.yaml")).warnings  # The tutorial says so.
    assert re.match(r"feature 'request': \d+% of its [\d,]+ distinct values .* share a row of their table", line)
    names: dict[str, object] = {}
    (loop,) = blocks(DOCS / "how-to" / "use-the-gate.md", "python")
    exec(loop, names)  # noqa: S102
    importance = names["importance"]
    assert isinstance(importance, dict)
    assert importance["user_id"] == 1.0, "essential"
    assert importance["age"] != pytest.approx(0.9, abs=1e-4), "it moved"
