"""Writes the client's `async_operations.py` from the service's routes, and the sync client from the async one.

A method an operation, named by its operation id, on a sync and an async class. Types are those of `service.schemas`; a
method imports the type of its answer when it is called, so that importing the client stays cheap.
"""

from __future__ import annotations

import builtins
import json
import re
import subprocess
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from pydantic.fields import FieldInfo

import service.client
from service.app import ROUTERS

FOLDER = Path(service.client.__file__).parent
# Modules whose classes are imported for annotations alone.
OURS = ("service.schemas.", "service.core.", "trainers.")
# Filled in by the client: who calls, and where a stream went on.
OWN_HEADERS = {"authorization", "last-event-id"}
# Types of headers that aren't text: a version is sent as its ETag.
HEADERS = {"if-match": "int | str"}
MADE = "Made by `python -m service.codegen`; not to be edited."
OPERATIONS = f'''"""Every operation of the service. {MADE}"""

# ruff: noqa: PLR0913, PLC0415 (filters of lists are arguments; a schema is loaded by the first call that needs it)

from __future__ import annotations

{{imports}}

if TYPE_CHECKING:
{{types}}


class AsyncOperations(Protocol):
    """What can be asked."""

    async def send(self, call: Call[T]) -> T: ...

{{methods}}'''
# What a sync client says where an async one says the first.
SYNC = {
    r"async def ": "def ",
    r"async (with|for) ": r"\1 ",
    r"\bawait ": "",
    r"for item in found:\n +yield item": "yield from found",
    r"\basyncio\.sleep": "time.sleep",
    r"^import asyncio\n": "",
    r"\bAwaitable\[(\w+)\]": r"\1",
    r"\bAwaitable, ": "",
    r"\bAsyncGenerator\[(\w+), None\]": r"Generator[\1, None, None]",
    r"\bAsync(?=[A-Z])|\basync_(?=operations)": "",
    r"\ba(?=connect_sse|closing|close\b|read\b|iter_sse)": "",
    r"\b__a(?=enter__|exit__)": "__",
    r'^"""The async client\.': f'"""The sync client. {MADE}',
}


class Names:
    """Types as text, and the imports that the text needs."""

    def __init__(self, **imports: set[str]) -> None:
        self.imports = {module.replace("__", "."): set(names) for module, names in imports.items()}

    def of(self, kind: Any) -> str:
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is None:
            return self._plain(kind)
        if origin is typing.Annotated:
            return self.of(inner[0])
        if origin is typing.Literal:
            self.take("typing", "Literal")
            return f"Literal[{', '.join(json.dumps(each) for each in inner)}]"
        if origin in {typing.Union, types.UnionType}:
            return " | ".join(self.of(each) for each in inner)
        return f"{self.of(origin)}[{', '.join('...' if each is Ellipsis else self.of(each) for each in inner)}]"

    def _plain(self, kind: Any) -> str:
        if kind is Any:
            self.take("typing", "Any")
            return "Any"
        if kind is types.NoneType or kind is None:
            return "None"
        name, module = str(kind.__name__), str(kind.__module__)
        if getattr(builtins, name, None) is kind:
            return name
        if module.startswith("pydantic"):  # a constraint by another name, such as AwareDatetime
            self.take("datetime", "datetime")
            return "datetime"
        if module.startswith("service.") and not module.startswith(OURS):
            raise TypeError(f"{module}.{name}: a type of an operation belongs into service.schemas")
        self.take(module, name)
        return name

    def take(self, module: str, name: str) -> None:
        self.imports.setdefault(module, set()).add(name)

    def text(self, *, ours: bool, indent: str = "") -> str:
        """Imports from the project's own schemas, or all others."""
        return "\n".join(
            f"{indent}from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(self.imports.items())
            if module.startswith(OURS) is ours
        )


@dataclass(frozen=True)
class Parameter:
    """An argument of an operation: where it goes, its name there, its type; `default` as text, None where required."""

    place: str
    alias: str
    type: str
    default: str | None

    @property
    def name(self) -> str:
        return re.sub(r"\W", "_", self.alias).lower()

    @property
    def leads(self) -> bool:
        """Whether it can be given without its name."""
        return self.place in {"path", "body"} and self.default is None

    def declaration(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.default is None else f" = {self.default}")


def sources() -> dict[str, str]:
    """The text of each file, in its format, by the file's name."""
    names = Names(service__client__core={"Call", "T", "segment"}, typing={"TYPE_CHECKING", "Any", "Protocol"})
    methods = "\n".join(_method(route, parameters(route, names), names) for route in _routes())
    imports, types = names.text(ours=False), names.text(ours=True, indent="    ")
    operations = _formatted(OPERATIONS.format(imports=imports, types=types, methods=methods))
    client = (FOLDER / "asynchronous.py").read_text(encoding="utf-8")
    return {
        "async_operations.py": operations,
        "operations.py": _sync(operations),
        "synchronous.py": _sync(client),
    }


def _sync(text: str) -> str:
    for pattern, said in SYNC.items():
        text = re.sub(pattern, said, text, flags=re.MULTILINE)
    return _formatted(text)


def _formatted(text: str) -> str:
    for command in (["check", "--select", "I", "--fix", "--quiet", "-"], ["format", "--quiet", "-"]):
        ruff = [sys.executable, "-m", "ruff", *command]
        text = subprocess.run(ruff, input=text, text=True, check=True, capture_output=True).stdout
    return text


def _routes() -> Iterator[APIRoute]:
    """Of the API, but for event streams, which the clients read in their own way."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema and not route.is_sse_stream:
                yield route


def parameters(route: APIRoute, names: Names) -> list[Parameter]:
    """Path first, then the body, then what is optional."""
    fields = [field for field in get_flat_params(route.dependant) if field.alias.lower() not in OWN_HEADERS]
    # A model of queries is taken apart: its fields are those of any model, and don't say where they go.
    found = {(str(getattr(each.field_info, "in_", Query.in_).value), each.alias): each.field_info for each in fields}
    made = [_parameter(place, alias, info, names) for (place, alias), info in found.items()]
    made += [_parameter("body", field.name, field.field_info, names) for field in route.dependant.body_params]
    raw = (route.openapi_extra or {}).get("requestBody")
    if raw is not None:
        form = next(iter(raw["content"]))
        made.append(Parameter("body", "content", "str | bytes", None))
        made.append(Parameter("header", "Content-Type", "str", f'"{form}"'))
    in_path = re.findall(r"{(\w+)", route.path_format)
    order = {name: place for place, name in enumerate(in_path)}
    return sorted(made, key=lambda each: (not each.leads, order.get(each.name, len(order))))


def _parameter(place: str, alias: str, info: FieldInfo, names: Names) -> Parameter:
    kind = HEADERS.get(alias.lower(), "str") if place == "header" else names.of(info.annotation)
    if place == "body":
        names.take("collections.abc", "Mapping")
        kind = f"{kind.removesuffix(' | None')} | Mapping[str, Any]"
    if info.is_required():
        return Parameter(place, alias, kind, None)
    return Parameter(place, alias, kind if kind.endswith("None") else f"{kind} | None", "None")


def _method(route: APIRoute, arguments: list[Parameter], names: Names) -> str:
    empty = route.status_code == 204
    needed = Names()
    model = None if empty else _text(route) if route.response_model is None else route.response_model
    kind = needed.of(model)
    names.of(model)
    first = [each.declaration() for each in arguments if each.leads]
    later = [each.declaration() for each in arguments if not each.leads]
    declared = ", ".join(["self", *first, *(["*", *later] if later else [])])
    path = re.sub(r"\{(\w+)(:\w+)?\}", r"{segment(\1)}", route.path_format)
    parts = [repr(min(route.methods or {"GET"})), f'f"{path}"' if "{" in path else f'"{path}"', kind]
    for place, name in {"query": "query", "header": "headers"}.items():
        chosen = ", ".join(f'"{each.alias}": {each.name}' for each in arguments if each.place == place)
        if chosen:
            parts.append(f"{name}={{{chosen}}}")
    parts += [f"body={each.name}" for each in arguments if each.place == "body"]
    summary = _wrapped((route.endpoint.__doc__ or route.summary or "").partition("\n\n")[0])
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", route.operation_id or route.name).lower()
    call = f"await self.send(Call({', '.join(parts)}))"
    body = call if empty else f"return {call}"
    imports = needed.text(ours=True, indent=" " * 8)
    lines = [
        f"    async def {name}({declared}) -> {kind}:",
        f'        """{summary}"""',
        *([imports, ""] if imports else []),
    ]
    return "\n".join([*lines, f"        {body}", ""])


def _text(route: APIRoute) -> type[str] | type[bytes]:
    """What an answer without a model is read as: bytes where it can have a form that isn't text."""
    forms = route.responses.get(200, {}).get("content", {}).values()
    return bytes if any(form.get("schema", {}).get("format") == "binary" for form in forms) else str


def _wrapped(text: str) -> str:
    """A docstring of a method, closed on a line of its own where it takes several."""
    lines = textwrap.wrap(" ".join(text.split()), 104)
    return lines[0] if len(lines) == 1 else "\n        ".join([*lines, ""])


def write() -> None:
    """Write every file."""
    for file, text in sources().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
