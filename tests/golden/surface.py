"""What others write against: the OpenAPI document, the Python client, the command line, the settings; as plain data.

The golden files hold what these functions gave for a version; the tests hold today's against it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.golden.opened import IdleEngine
from tests.golden.product import Settings, client, client_models, command_line, create_app

Shape = dict[str, dict[str, Any]]


def openapi(home: Path) -> dict[str, Any]:
    """By operation id: method, path, parameters, and what is in the request's and the answers' bodies."""
    app = create_app(Settings(home=home), IdleEngine())
    document = app.openapi()
    app.state.sessions.kw["bind"].dispose()
    found = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"].items()
            found[operation["operationId"]] = {
                "method": method,
                "path": path,
                "parameters": {each["name"]: _parameter(each) for each in operation.get("parameters", [])},
                "request": _bodies(operation.get("requestBody", {}), document),
                "answers": {status: _bodies(answer, document) for status, answer in answers},
            }
    return found


def _parameter(found: dict[str, Any]) -> dict[str, Any]:
    return {"in": found["in"], "required": found.get("required", False)}


def _bodies(body: dict[str, Any], document: dict[str, Any]) -> dict[str, Shape]:
    """By media type what a body may hold."""
    return {kind: shape(each.get("schema", {}), document) for kind, each in body.get("content", {}).items()}


def shape(schema: dict[str, Any], document: dict[str, Any]) -> Shape:
    """By place, such as `jobs[].id`: whether it has to be there, and the words it is one of where it is one of some.

    Where a schema is one of several, a property has to be there where all of them say so.
    """
    found: Shape = {}
    _walk(schema, document, "", (), found)
    return found


def _walk(schema: dict[str, Any], document: dict[str, Any], place: str, within: tuple[str, ...], found: Shape) -> None:
    variants = list(_variants(schema, document, within))
    for variant, _ in variants:
        words = [str(word) for word in variant.get("enum", [variant["const"]] if "const" in variant else [])]
        if words and place:
            known = found.setdefault(place, {}).setdefault("words", [])
            known.extend(word for word in words if word not in known)
    objects = [variant for variant, _ in variants if "properties" in variant]
    for variant, inside in variants:
        for name, part in variant.get("properties", {}).items():
            inner = f"{place}.{name}" if place else name
            found.setdefault(inner, {})["required"] = all(name in each.get("required", []) for each in objects)
            _walk(part, document, inner, inside, found)
        for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(variant.get(key), dict):
                _walk(variant[key], document, place + mark, inside, found)


def _variants(
    schema: dict[str, Any], document: dict[str, Any], within: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """The schema without references and choices, and the references that led there; one within itself ends."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in within:
            yield from _variants(document["components"]["schemas"][name], document, (*within, name))
        return
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, [])]
    for part in parts:
        yield from _variants(part, document, within)
    if not parts:
        yield schema, within


def python_client() -> dict[str, Any]:
    """Public names, their methods' parameters, and the fields of the models."""
    module, models = client(), client_models()
    names = {name: _class(getattr(module, name)) for name in module.__all__}
    made = {name: found for name, found in vars(models).items() if isinstance(found, type) and not name.startswith("_")}
    kinds = {name: _fields(found) for name, found in made.items() if issubclass(found, BaseModel | Enum)}
    return {"client": names, "models": {name: fields for name, fields in kinds.items() if fields}}


def _class(found: type) -> dict[str, Any]:
    methods = {
        name: _parameters(method)
        for name, method in inspect.getmembers(found, callable)
        if not name.startswith("_") or name in ("__init__", "__enter__", "__aenter__")
        if inspect.isfunction(method)
    }
    values = [name for name in getattr(found, "__dataclass_fields__", {}) if not name.startswith("_")]
    return {"methods": methods, "values": values}


def _parameters(method: Any) -> list[dict[str, Any]]:
    given = list(inspect.signature(method).parameters.values())[1:]
    return [
        {"name": each.name, "kind": each.kind.name, "required": each.default is inspect.Parameter.empty}
        for each in given
    ]


def _fields(found: type) -> dict[str, Any]:
    if issubclass(found, Enum):
        return {word.name: word.value for word in found}
    assert issubclass(found, BaseModel)
    return {name: {"required": field.is_required()} for name, field in found.model_fields.items()}


def commands() -> dict[str, Any]:
    """By the words of a command, what may follow them."""
    found: dict[str, Any] = {}
    _descend(command_line(), "winnow", found)
    return found


def _descend(command: Any, words: str, found: dict[str, Any]) -> None:
    found[words] = [_follows(each) for each in command.params]
    for name, inner in getattr(command, "commands", {}).items():
        _descend(inner, f"{words} {name}", found)


def _follows(parameter: Any) -> dict[str, Any]:
    return {
        "kind": parameter.param_type_name,
        "names": [*parameter.opts, *parameter.secondary_opts],
        "required": parameter.required,
        "many": bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1,
        "flag": bool(getattr(parameter, "is_flag", False)),
        "environment": parameter.envvar,
    }


def settings() -> dict[str, Any]:
    """By the environment's name of a setting: its default, as JSON has it."""
    prefix = str(Settings.model_config["env_prefix"])
    return {f"{prefix}{name}".upper(): _plain(field.default) for name, field in Settings.model_fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
