"""A Python file as text: what it imports, its functions, what is documented. Read with `ast`; nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

GENERATED = "not to be edited"  # in the first line of a generated file


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


@dataclass(frozen=True)
class Module:
    """One Python file: `name` is dotted, that of `a/__init__.py` is `a`."""

    path: str
    text: str

    @cached_property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def generated(self) -> bool:
        return GENERATED in self.text.partition("\n")[0]

    @cached_property
    def imports(self) -> frozenset[str]:
        """Dotted names that the module imports, wherever it does; `from a import b` counts as `a.b`."""
        return frozenset(self._names(ast.walk(self.tree)))

    @cached_property
    def imports_on_load(self) -> frozenset[str]:
        """Those that loading the module imports: not what stands in functions or under `if TYPE_CHECKING`."""
        return frozenset(self._names(_run_on_load(self.tree)))

    def _names(self, nodes: Iterable[ast.AST]) -> Iterator[str]:
        package = self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    base = importlib.util.resolve_name("." * node.level + base, package)
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[tuple[str, int]]:
        """Name, with those of what it stands in, and lines, without decorators, of each function."""

        def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
            for child in ast.iter_child_nodes(node):
                if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield from inside(child, prefix)
                    continue
                name = prefix + child.name
                if not isinstance(child, ast.ClassDef):
                    yield name, (child.end_lineno or child.lineno) - child.lineno + 1
                yield from inside(child, f"{name}.")

        return inside(self.tree, "")

    def public(self) -> Iterator[bool]:
        """Whether each public thing has a docstring: the module, its classes and functions, and their methods."""

        def things(body: list[ast.stmt]) -> Iterator[bool]:
            for node in body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                    yield ast.get_docstring(node) is not None
                    if isinstance(node, ast.ClassDef):
                        yield from things(node.body)

        if self.text.strip():
            yield ast.get_docstring(self.tree) is not None
            yield from things(self.tree.body)


def _run_on_load(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if not lazy and not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _run_on_load(child)
