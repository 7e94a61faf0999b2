"""A checkout's Python as text: its modules, what they import, and what a listing of its folders shows.

Source is read with `ast`; nothing of the project is imported. Only files that git tracks count. An import counts
wherever it stands, in functions and under TYPE_CHECKING too; an edge is a distinct pair of names.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Edge = tuple[str, str]
OWN = ("trainers", "service", "sharding")
GENERATED = "not to be edited"  # in the first line of a generated file


class GitError(RuntimeError):
    """Git refused; the message names the command, the folder and what git said."""


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def part_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def git(root: Path, *arguments: str) -> str:
    """Output of git. No lines found (`git grep`) is no error."""
    ended = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode and ended.stderr:
        raise GitError(f"git {arguments[0]} in {root}: {ended.stderr.strip()}")
    return ended.stdout


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

    def imported(self, *, on_load: bool = False) -> Iterator[str]:
        """Dotted names; `from a import b` counts as `a.b`. `on_load`: not what stands in functions, or for types."""
        package = self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]
        for node in _run_on_load(self.tree) if on_load else ast.walk(self.tree):
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


class Checkout:
    """A repository's tracked files as they lie on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = git(root, "describe", "--always", "--dirty", "--exclude=*").strip()
        self.paths = [path for path in git(root, "ls-files", "-z").split("\0") if path and (root / path).is_file()]
        python = [path for path in self.paths if path.endswith(".py")]
        modules = [Module(path, (root / path).read_text(encoding="utf-8")) for path in python]
        self.tests = [module for module in modules if module.path.startswith("tests/")]
        self.modules = {module.name: module for module in modules if module.path.partition("/")[0] in OWN}
        self.edges, self.edges_on_load = (
            {(name, at) for name, module in self.modules.items() for at in self.targets(module, on_load=on_load)}
            - {(name, name) for name in self.modules}
            for on_load in (False, True)
        )

    def targets(self, module: Module, *, on_load: bool) -> Iterator[str]:
        """Modules of the checkout where a name leads to one, top packages of libraries otherwise."""
        for name in module.imported(on_load=on_load):
            at = name
            while at not in self.modules and "." in at:
                at = at.rpartition(".")[0]
            yield at

    def own_edges(self, wanted: tuple[str, ...] = OWN, *, on_load: bool = False) -> set[Edge]:
        edges = self.edges_on_load if on_load else self.edges
        return {edge for edge in edges if all(under(name, wanted) for name in edge)}

    def listing(self) -> dict[str, int]:
        """How many names the listing of each folder shows."""
        shown: dict[str, set[str]] = defaultdict(set)
        for path in self.paths:
            names = path.split("/")
            for depth in range(1, len(names)):
                shown["/".join(names[:depth])].add(names[depth])
        return {folder: len(names) for folder, names in shown.items()}


def _run_on_load(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if not lazy and not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _run_on_load(child)


def between_parts(edges: Iterable[Edge]) -> set[Edge]:
    """Edges between the parts of a package; the package's own `__init__` is none of them."""
    parts = {(part_of(a), part_of(b)) for a, b in edges if "." in a and "." in b}
    return {(a, b) for a, b in parts if a != b}


def cycles(edges: Iterable[Edge]) -> set[frozenset[str]]:
    """Groups of two and more names that import each other, straight or around (strongly connected components)."""
    follows: dict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        follows[a].add(b)

    def reach(name: str) -> set[str]:
        found, ahead = set[str](), [name]
        while ahead:
            new = follows.get(ahead.pop(), set()) - found
            found |= new
            ahead += new
        return found

    reached = {name: reach(name) for name in list(follows)}
    return {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in reached if a in reached[a]}
