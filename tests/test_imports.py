"""The import rules, and the sizes that keep the code readable. Generated files may be long."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.support.modules import Module, under
from tests.support.repository import ROOT

PACKAGES = ("service", "trainers", "sharding")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = [Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in FILES]
SOURCES = {module.name: module for module in MODULES}
WRITTEN = [module for module in MODULES if not module.generated]
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
    Rule((*DOMAIN, "service.client"), (*HTTP, "service.api")),
    Rule(("service.schemas", "service.client"), ("sqlalchemy", "service.store")),
    Rule(("service",), ("trainers.training", "trainers.pipeline", "trainers.launch", "trainers.models"), anywhere=True),
]


def closure(start: str, sources: Mapping[str, Module]) -> dict[str, str]:
    """Every name that loading `start` imports, by the module of ours that imports it; parents load before children."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in sources[module].imports_on_load:
            found.setdefault(name, module)
            parts = name.split(".")
            waiting += [parent for size in range(1, len(parts) + 1) if (parent := ".".join(parts[:size])) in sources]
    return found


def breaches(rule: Rule, sources: Mapping[str, Module]) -> list[str]:
    """`module: name` of every import that the rule forbids."""
    found = []
    for name, module in sources.items():
        if not under(name, rule.of) or under(name, rule.but):
            continue
        imported = dict.fromkeys(module.imports, name) if rule.anywhere else closure(name, sources)
        found += [f"{name}: {other} (by {by})" for other, by in imported.items() if under(other, rule.never)]
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
        "service/core/module.py": line,
        "service/web/__init__.py": "from service.web import page",
        "service/web/page.py": "import fastapi",
        "service/core/deep.py": "from service import web",
    }
    modules = {module.name: module for module in (Module(path, text) for path, text in sources.items())}
    found = [breach for breach in breaches(rule, modules) if breach.startswith("service.core.module:")]
    assert (found == []) is allowed


def test_no_torch_is_imported() -> None:
    """By other packages neither: every module of the service and of the command line, loaded."""
    modules = [
        name
        for name in SOURCES
        if under(name, ("service", "trainers.spec", "trainers.runs", "trainers.cli", "trainers.data.checks.check"))
    ]
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "heavy = {'torch', 'torchrec', 'fbgemm_gpu'} & set(sys.modules)\nassert not heavy, heavy"
    )
    loadable = [name for name in modules if not under(name, ("service.migrations",))]
    ended = subprocess.run([sys.executable, "-c", code, *loadable], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_files_are_short() -> None:
    assert {module.path: module.lines for module in WRITTEN if module.lines > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    long = {f"{module.path} {name}": lines for module in WRITTEN for name, lines in module.functions()}
    assert {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


def test_functions_take_few_arguments() -> None:
    counts = {
        f"{module.path}:{node.lineno} {node.name}": len(arguments(node))
        for module in WRITTEN
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in counts.items() if count > MAX_ARGUMENTS} == {}


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [each.arg for each in given if each.arg not in {"self", "cls"}]
