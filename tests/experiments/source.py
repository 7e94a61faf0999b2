"""A checkout: its modules, what they import of each other, and what a listing of its folders shows.

Only files that git tracks count. An import counts wherever it stands, in functions and under TYPE_CHECKING too; an edge
is a distinct pair of names.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.modules import Module, under

Edge = tuple[str, str]
OWN = ("trainers", "service", "sharding")


class GitError(RuntimeError):
    """Git refused; the message names the command, the folder and what git said."""


def part_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def git(root: Path, *arguments: str) -> str:
    """Output of git. No lines found (`git grep`) is no error."""
    ended = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode and ended.stderr:
        raise GitError(f"git {arguments[0]} in {root}: {ended.stderr.strip()}")
    return ended.stdout


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
        for name in module.imports_on_load if on_load else module.imports:
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
