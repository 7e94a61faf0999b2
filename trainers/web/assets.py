"""The files that a browser needs for the views: our modules, the libraries they import, the style sheets.

Modules import each other by bare names (`views/chart`, `echarts`), which an import map turns into addresses: those of a
server for its pages, `data:` addresses in a report that stands alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
IMPORTED = re.compile(r'^(?:import|export)\s(?:[^;"]*?\sfrom\s)?"([^"]+)"', re.MULTILINE)
MODULES = HERE / "modules"
LIBRARIES = HERE / "libraries"
SCRIPTS = {"echarts": "echarts.esm.min.js", "tabulator": "tabulator_esm.min.js"}
REFERENCE = (LIBRARIES / "swagger-ui-bundle.js", LIBRARIES / "swagger-ui.css")
STYLES = (LIBRARIES / "tabulator_simple.min.css", HERE / "views.css")


class MissingLibraryError(FileNotFoundError):
    """A library isn't where the build puts it; the message says how to bring it."""


def scripts() -> dict[str, Path]:
    """Files of libraries and of the views' modules, by the bare name that imports them."""
    libraries = {name: _present(LIBRARIES / file) for name, file in SCRIPTS.items()}
    return libraries | modules(MODULES, "views")


def modules(folder: Path, prefix: str) -> dict[str, Path]:
    """The modules of a folder by bare name: `curve.js` of the views is `views/curve`."""
    found = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.js"))}
    return {f"{prefix}/{name}": path for name, path in found.items()}


def imports(scripts: Mapping[str, Path], first: Iterable[str]) -> list[str]:
    """Names of the modules `first` and of what they import, directly or not. Libraries import nothing."""
    found: dict[str, None] = {}
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = None
        if name not in SCRIPTS:
            waiting += IMPORTED.findall(scripts[name].read_text(encoding="utf-8"))
    return list(found)


def styles() -> list[Path]:
    """The style sheets, in the order they apply."""
    return [_present(path) for path in STYLES]


def reference() -> list[Path]:
    """The script and the style sheet of the API's reference."""
    return [_present(path) for path in REFERENCE]


def digest(files: Iterable[Path]) -> str:
    """Of the files' content: an address that has it can be kept for ever."""
    found = hashlib.sha256()
    for path in files:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def import_map(addresses: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The import map of addresses by bare name."""
    return {"imports": dict(addresses)}


def _present(path: Path) -> Path:
    if not path.exists():
        raise MissingLibraryError(
            f"{path} is missing: install the package again (`make setup`), which brings it by npm"
        )
    return path
