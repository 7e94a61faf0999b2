"""The import rule, and the sizes that keep the code readable.

`service` sees `trainers.spec`, `trainers.run_directory` and `trainers.views` of the training code, so that the control
plane runs without torch; `trainers` sees `sharding`; `sharding` sees neither. Only commands see `service`, when
they run. Generated files may be long.
"""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("service", "trainers", "sharding")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Written by hand: generated files say so in their first line.
WRITTEN = [path for path in FILES if "not to be edited" not in path.read_text(encoding="utf-8").partition("\n")[0]]
SERVICE_MAY = ("trainers.spec", "trainers.run_directory", "trainers.views")
COMMANDS = "trainers/cli/"

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ARGUMENTS = 400, 70, 9


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


def is_in(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def breaches(path: str, tree: ast.Module) -> list[str]:
    """Imports of our own packages that the rule doesn't allow a file at `path`, relative to the root."""
    top = path.partition("/")[0]
    names = list(imported(tree, str(Path(path).parent).replace("/", ".")))
    if top == "service":
        return [name for name in names if is_in(name, ("trainers", "sharding")) and not is_in(name, SERVICE_MAY)]
    if top == "sharding":
        return [name for name in names if is_in(name, ("trainers", "service"))]
    if not path.startswith(COMMANDS):
        return [name for name in names if is_in(name, ("service",))]
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [name for name in imported(ast.Module(at_import, []), "trainers.cli") if is_in(name, ("service",))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    assert breaches(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("path", "line", "allowed"),
    [
        ("service/app.py", "from trainers.spec import JobSpec", True),
        ("service/app.py", "from trainers import run_directory", True),
        ("service/app.py", "from trainers import runner", False),
        ("service/app.py", "import trainers.specials", False),
        ("service/app.py", "def f():\n    import sharding", False),
        ("trainers/gate.py", "from sharding.layout import FeatureLayout", True),
        ("trainers/gate.py", "from service.jobs import JobState", False),
        ("trainers/cli/serve.py", "def f():\n    from service.main import serve", True),
        ("trainers/cli/serve.py", "from service.main import serve", False),
        ("trainers/cli/keys.py", "def f():\n    from service.store import keys", True),
        ("trainers/cli/keys.py", "from service.store import keys", False),
        ("trainers/cli/remote/jobs.py", "def f():\n    from service.client import Winnow", True),
        ("trainers/cli/remote/jobs.py", "from service.client import Winnow", False),
        ("sharding/tables.py", "from trainers.spec import JobSpec", False),
        ("sharding/tables.py", "from .layout import FeatureLayout", True),
    ],
)
def test_the_rule_itself(path: str, line: str, allowed: bool) -> None:
    assert (breaches(path, ast.parse(line)) == []) is allowed


def modules_of_service() -> list[str]:
    found = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "service").rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in found if "migrations" not in path.parts}
    return sorted(names - {"service.__main__"})


@pytest.mark.parametrize(
    "modules",
    [["trainers.spec"], ["trainers.cli"], ["trainers.data.check"], modules_of_service()],
    ids=lambda names: names[0],
)
def test_no_torch_is_imported(modules: list[str]) -> None:
    code = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "heavy = {'torch', 'torchrec', 'fbgemm_gpu'} & set(sys.modules)\nassert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=False)
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
