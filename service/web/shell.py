"""What every page is made of: one template, the import map, the files behind it."""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from service.api.compression import CompressedContent
from trainers.web import assets

HERE = Path(__file__).parent
WHERE = "/assets"
LEVEL = 6


@dataclass(frozen=True)
class Files:
    """Files by the address that serves them. The addresses hold a digest of all: they can be kept for ever."""

    by_address: dict[str, Path]
    import_map: str
    styles: tuple[str, ...]
    reference: tuple[str, ...]
    by_name: dict[str, str]

    def preloads(self, module: str) -> list[str]:
        """Addresses of what a page's module imports, so that a browser asks for all of it at once."""
        scripts = {name: self.by_address[address] for name, address in self.by_name.items()}
        return [self.by_name[name] for name in assets.imports(scripts, ["pages/start", f"pages/{module}"])]


@cache
def files() -> Files:
    """Raises MissingLibraryError where the package was installed without its libraries."""
    scripts = assets.scripts() | assets.modules(HERE / "modules", "pages")
    styles = [*assets.styles(), HERE / "pages.css"]
    reference = assets.reference()
    root = f"{WHERE}/{assets.digest([*scripts.values(), *styles, *reference])}"
    addresses = {name: f"{root}/{name}.js" for name in scripts}
    sheets = {f"{root}/{path.name}": path for path in styles}
    others = {f"{root}/{path.name}": path for path in reference}
    by_address = {addresses[name]: path for name, path in scripts.items()} | sheets | others
    return Files(by_address, json.dumps(assets.import_map(addresses)), tuple(sheets), tuple(others), addresses)


@dataclass(frozen=True)
class File:
    content: CompressedContent
    media_type: str


def file(address: str) -> File | None:
    """What an address serves; None where there is none."""
    path = files().by_address.get(address)
    return None if path is None else _read(path)


@cache
def _read(path: Path) -> File:
    return File(
        CompressedContent.of(path.read_bytes(), LEVEL), mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )


@cache
def environment() -> Environment:
    return Environment(
        loader=PackageLoader("service.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def show(request: Request, template: str, status: int = 200, **content: Any) -> HTMLResponse:
    """A template as a page. `content` is what it says; the request's nonce lets its import map through."""
    found = files()
    text = environment().get_template(template).render(files=found, nonce=request.state.nonce, **content)
    return HTMLResponse(text, status)
