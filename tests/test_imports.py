"""The import rules, and the sizes that keep the code readable. Generated files may be long."""

import ast
import functools
import importlib.util
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.repository import ROOT

PACKAGES = ("service", "trainers", "sharding")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Written by hand: generated files say so in their first line.
WRITTEN = [path for path in FILES if "not to be edited" not in path.read_text(encoding="utf-8").partition("\n")[0]]
TORCH = ("torch", "torchrec", "fbgemm_gpu")
HTTP = ("fastapi", "starlette")
# Parts of the service that know nothing of HTTP: what they refuse is a `service.core.errors.DomainError`.
DOMAIN = tuple(
    f"service.{part}"
    for part in (
        "core",
        "schemas",
        "store",
        "metrics",
        "ray",
        "features",
        "prune_lists",
        "jobs",
        "schedules",
        "triggers",
        "webhooks",
    )
)

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ARGUMENTS = 400, 70, 9


@dataclass(frozen=True)
class Rule:
    """Modules below `of` import nothing below `never`: neither themselves nor by what they import as they load.

    With `anywhere`, imports inside functions count too. `but` are modules below `of` that the rule leaves out.
    """

    of: tuple[str, ...]
    never: tuple[str, ...]
    anywhere: bool = False
    but: tuple[str, ...] = ()


RULES = [
    Rule(("sharding",), ("trainers", "service"), anywhere=True),
    Rule(("sharding.layout",), TORCH, anywhere=True),
    Rule(("trainers",), ("service",), anywhere=True),
    Rule(("service",), ("sharding", *TORCH), anywhere=True),
    Rule(("trainers.spec", "trainers.runs", "trainers.metrics", "trainers.pruning", "trainers.web"), TORCH),
    Rule(("trainers.selectors.base", "trainers.selectors.registry", "trainers.models.backbones.registry"), TORCH),
    Rule(("trainers.launch.runner", "trainers.launch.local_launcher"), (*TORCH, "ray")),
    Rule(("trainers.cli", "service.cli"), (*TORCH, "ray", "fastapi", "sqlalchemy"), but=("service.cli.host_keys",)),
    Rule((*DOMAIN, "service.client"), (*HTTP, "service.api"), but=("service.client.generate",)),
    Rule(("service.schemas", "service.client"), ("sqlalchemy", "service.store"), but=("service.client.generate",)),
    Rule(("service",), ("trainers.training", "trainers.pipeline", "trainers.launch", "trainers.models"), anywhere=True),
]


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that a module of `package` imports, at any depth; `from a import b` counts as `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


@functools.cache
def imported_on_load(text: str, package: str) -> frozenset[str]:
    """What loading the module imports: not what stands in functions or under `if TYPE_CHECKING`."""

    class Loaded(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)

    return frozenset(imported(Loaded().visit(ast.parse(text)), package))


def is_in(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


SOURCES = {module_name(path): (package_name(path), path.read_text(encoding="utf-8")) for path in FILES}


def closure(start: str, loads: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Every name that loading `start` imports, by the module of ours that imports it; parents load before children."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in loads[module]:
            found.setdefault(name, module)
            parts = name.split(".")
            waiting += [parent for size in range(1, len(parts) + 1) if (parent := ".".join(parts[:size])) in loads]
    return found


def breaches(rule: Rule, sources: Mapping[str, tuple[str, str]]) -> list[str]:
    """`module: name` of every import that the rule forbids."""
    loads = {name: imported_on_load(text, package) for name, (package, text) in sources.items()}
    found = []
    for module, (package, text) in sources.items():
        if not is_in(module, rule.of) or is_in(module, rule.but):
            continue
        names = dict.fromkeys(imported(ast.parse(text), package), module) if rule.anywhere else closure(module, loads)
        found += [f"{module}: {name} (by {by})" for name, by in names.items() if is_in(name, rule.never)]
    return sorted(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.of[0]} without {rule.never[0]}")
def test_imports_go_one_way(rule: Rule) -> None:
    assert breaches(rule, SOURCES) == []
    assert [name for name in rule.of if name not in SOURCES] == []


LOADS = Rule(("service.core",), ("fastapi",))
ANYWHERE = Rule(("service",), ("torch",), anywhere=True)


@pytest.mark.parametrize(
    ("rule", "line", "allowed"),
    [
        (LOADS, "import pydantic", True),
        (LOADS, "import fastapi.routing", False),
        (LOADS, "from fastapi import FastAPI", False),
        (LOADS, "import fastapital", True),
        (LOADS, "def f():\n    import fastapi", True),
        (LOADS, "if TYPE_CHECKING:\n    import fastapi", True),
        (LOADS, "class A:\n    import fastapi", False),
        (LOADS, "from service import web", False),
        (LOADS, "from service.web.page import show", False),
        (LOADS, "from .deep import x", False),
        (ANYWHERE, "def f():\n    import torch", False),
        (ANYWHERE, "def f():\n    from torch.nn import Module", False),
    ],
)
def test_the_rules_themselves(rule: Rule, line: str, allowed: bool) -> None:
    """`service.web` imports FastAPI as it loads, and so does a module beside the one at hand."""
    sources = {
        "service.core.module": ("service.core", line),
        "service.web": ("service.web", "from service.web import page"),
        "service.web.page": ("service.web", "import fastapi"),
        "service.core.deep": ("service.core", "from service import web"),
    }
    found = [breach for breach in breaches(rule, sources) if breach.startswith("service.core.module:")]
    assert (found == []) is allowed


def test_no_torch_is_imported() -> None:
    """By other packages neither: every module of the service and of the command line, loaded."""
    modules = [
        name
        for name in SOURCES
        if is_in(name, ("service", "trainers.spec", "trainers.runs", "trainers.cli", "trainers.data.check"))
    ]
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "heavy = {'torch', 'torchrec', 'fbgemm_gpu'} & set(sys.modules)\nassert not heavy, heavy"
    )
    loadable = [name for name in modules if not is_in(name, ("service.migrations",))]
    ended = subprocess.run([sys.executable, "-c", code, *loadable], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_files_are_short() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in WRITTEN}
    assert {path: count for path, count in lines.items() if count > MAX_FILE_LINES} == {}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in WRITTEN:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_functions_are_short() -> None:
    long = {name: node.end_lineno - node.lineno + 1 for name, node in functions() if node.end_lineno is not None}
    assert {name: count for name, count in long.items() if count > MAX_FUNCTION_LINES} == {}


def test_functions_take_few_arguments() -> None:
    counts = {name: len(arguments(node)) for name, node in functions()}
    assert {name: count for name, count in counts.items() if count > MAX_ARGUMENTS} == {}


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [each.arg for each in given if each.arg not in {"self", "cls"}]
