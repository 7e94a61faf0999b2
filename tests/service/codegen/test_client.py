"""The client's operations are those of the routes."""

from __future__ import annotations

from service.codegen.client import FOLDER, sources


def test_generated_files_are_those_of_the_routes() -> None:
    for name, text in sources().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"run python -m service.codegen: {name}"
