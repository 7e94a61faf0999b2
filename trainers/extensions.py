"""Finding the implementations of a family: modules of our own packages, and entry points of other people's."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from importlib.metadata import entry_points as installed
from types import ModuleType
from typing import TypeVar

from trainers.config import Config

T = TypeVar("T", bound=Config)


class ExtensionError(RuntimeError):
    """An entry point of another package that can't be used; the message names the package and the remedy."""


def find_subclasses(
    family: type[T], *, key: str, folders: Iterable[ModuleType], modules: Iterable[ModuleType] = (), entry_points: str
) -> dict[str, type[T]]:
    """Concrete subclasses of `family` by the default of their field `key`, sorted by name.

    Args:
        folders: every folder directly below these packages is imported, and no single module.
        modules: every module directly below these packages is imported.
        entry_points: group of entry points; each names a subclass.

    Raises:
        ExtensionError: an entry point doesn't load, isn't a subclass, or has a name that is taken.
    """
    found: dict[str, type[T]] = {}
    for name in (*_below(folders, are_folders=True), *_below(modules, are_folders=False)):
        for each in vars(importlib.import_module(name)).values():
            if _is_implementation(each, family) and each.__module__ == name:
                found[_name(each, key)] = each
    for point in installed(group=entry_points):
        loaded = _load(point, family, key)
        name = _name(loaded, key)
        if found.setdefault(name, loaded) is not loaded:
            raise ExtensionError(f"{_source(point)}: {key} {name!r} is taken by {found[name].__module__}; rename yours")
    return dict(sorted(found.items()))


def _below(packages: Iterable[ModuleType], *, are_folders: bool) -> Iterator[str]:
    for package in packages:
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if info.ispkg == are_folders:
                yield info.name


def _is_implementation(thing: object, family: type[T]) -> bool:
    return inspect.isclass(thing) and issubclass(thing, family) and not inspect.isabstract(thing)


def _name(implementation: type[T], key: str) -> str:
    """The one value that the literal takes."""
    return str(implementation.model_fields[key].annotation.__args__[0])  # type: ignore[union-attr]


def _load(point: EntryPoint, family: type[T], key: str) -> type[T]:
    try:
        loaded = point.load()
    except Exception as error:  # whatever another package does as it loads
        raise ExtensionError(f"{_source(point)} doesn't load: {error!r}; mend or uninstall that package") from error
    if not _is_implementation(loaded, family):
        raise ExtensionError(
            f"{_source(point)} is {loaded!r}; name a subclass of {family.__name__} without abstract methods"
        )
    arguments = getattr(loaded.model_fields[key].annotation, "__args__", ())
    if len(arguments) != 1:
        raise ExtensionError(f"{_source(point)}: give {loaded.__name__}.{key} a Literal of one name")
    result: type[T] = loaded
    return result


def _source(point: EntryPoint) -> str:
    package = point.dist.name if point.dist else "an unknown package"
    return f"entry point {point.name!r} ({point.value}) of {package}"
