"""What the documentation says of the code."""

from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.spec_reference import render
from trainers.spec import load_spec


def test_the_spec_reference_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "reference" / "spec.md").read_text(encoding="utf-8") == render(), (
        "out of date: python -m tests.support.spec_reference > docs/reference/spec.md"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid_specs(path: Path) -> None:
    load_spec(path)


@pytest.mark.parametrize(
    "path", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    missing = [link for link in links if "://" not in link and not (path.parent / link.split("#")[0]).exists()]
    assert not missing
