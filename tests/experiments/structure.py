"""How easy the source is to find one's way in: listings, imports between parts, cycles, layers, sizes, documentation.

    python -m tests.experiments.structure [CHECKOUT ...] [--since COMMIT] [--list]

Prints Markdown: one column a checkout, so that two checkouts of one repository are before and after. `--since` adds the
lines that were added and deleted since a commit, `--list` the cycles and the imports that are counted against a rule or
the order of layers. Source is read as text with `ast`; nothing of the project is imported. Only files that git tracks
count.

A *part* is what a package's listing shows: a sub-package or a module directly under it. An *import edge* is a distinct
pair of modules, or of parts; imports count wherever they stand, in functions and under TYPE_CHECKING too. Cycles are of
the imports that run as a module loads.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tests.experiments.source import OWN, Checkout, Edge, between_parts, cycles, git, part_of
from tests.support.modules import GENERATED, under

# A part may import parts of its own layer and of the layers before it. Parts that no layer names are counted apart.
LAYERS = {
    "sharding": "layout | tables | batched planner | embeddings parallel narrowing | plan_report",
    "trainers": (
        "config extensions problems documents scratch web | spec models selectors ops | runs | metrics | "
        "data pruning | datasets simulator doctor | training | pipeline | launch | plugin benchmark report | cli"
    ),
    "service": (
        "settings core | schemas | client | store migrations | metrics ray | features prune_lists | jobs | "
        "schedules triggers webhooks | api | web | app | main cli codegen"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Modules under `of`, save those under `but`, import nothing under `never`, save what is under `may`."""

    words: str
    of: tuple[str, ...]
    but: tuple[str, ...] = ()
    never: tuple[str, ...]
    may: tuple[str, ...] = ()

    def breaches(self, edges: Iterable[Edge]) -> list[Edge]:
        bound = [edge for edge in edges if under(edge[0], self.of) and not under(edge[0], self.but)]
        return [edge for edge in bound if under(edge[1], self.never) and not under(edge[1], self.may)]


# Parts of `service` that speak HTTP, under their names of today and of before.
HTTP = tuple(f"service.{part}" for part in ("api", "web", "app", "main", "codegen", "routers", "pages"))
TORCH_FREE = (*(f"trainers.{part}" for part in ("spec", "runs", "metrics", "pruning")), "service")
SHARED_PARTS = ("documents", "problems", "scratch", "spec", "runs", "pruning", "web", "run_directory", "views")
SHARED = tuple(f"trainers.{part}" for part in SHARED_PARTS)
RULES = (
    Rule(words="`trainers` imports `service`", of=("trainers",), never=("service",)),
    Rule(
        words="`service` without `cli` imports `trainers` beyond what it shares",
        of=("service",),
        but=("service.cli",),
        never=("trainers", "sharding"),
        may=SHARED,
    ),
    Rule(words="`sharding` imports `trainers` or `service`", of=("sharding",), never=("trainers", "service")),
    Rule(
        words="routers or `api` imported from outside HTTP",
        of=("service",),
        but=HTTP,
        never=("service.api", "service.routers"),
    ),
    Rule(words="FastAPI or Starlette outside HTTP", of=("service",), but=HTTP, never=("fastapi", "starlette")),
    Rule(
        words="`service.schemas` imports HTTP, SQL or other parts than `core`",
        of=("service.schemas",),
        never=("fastapi", "starlette", "sqlalchemy", "service"),
        may=("service.schemas", "service.core"),
    ),
    Rule(words="torch in torch-free parts", of=TORCH_FREE, never=("torch", "torchrec", "fbgemm_gpu")),
)
MADE_BY_TOOLS = re.compile(r"(^|/)package-lock\.json$|^tests/golden/")
# Gerunds and bare participles that are the field's own terms, or no participle.
TERMS = {
    "kept",
    "ended",
    "embed",
    "pruning",
    "pruned",
    "ranking",
    "training",
    "tracing",
    "sharding",
    "scoring",
    "batched",
    "seed",
    "feed",
    "heed",
}
IRREGULAR = {"held", "told", "heard", "shown", "made", "found", "kept", "sent", "given", "taken", "seen"}
LONGEST = 5
ROOT = Path(__file__).parents[2]


def against_layers(edges: set[Edge]) -> tuple[list[Edge], int, int]:
    """Edges to a later layer; how many edges lead from part to part of the layers; how many have an end outside."""
    rank = {
        f"{package}.{part}": place
        for package, layers in LAYERS.items()
        for place, layer in enumerate(layers.split("|"))
        for part in layer.split()
    }
    inside = [(a, b) for a, b in edges if part_of(a) != part_of(b) and a.split(".")[0] == b.split(".")[0]]
    judged = [(a, b) for a, b in inside if part_of(a) in rank and part_of(b) in rank]
    upward = [(a, b) for a, b in judged if rank[part_of(a)] < rank[part_of(b)]]
    return upward, len(judged), len(inside) - len(judged)


def imports(checkout: Checkout) -> dict[str, str]:
    """Edges within each package, cycles, and what goes against the layers and the rules."""
    rows = {}
    for package in OWN:
        modules = [name for name in checkout.modules if under(name, (package,))]
        edges = checkout.own_edges((package,))
        parts = {part_of(name) for name in modules if "." in name}
        rows[f"`{package}`: parts, modules"] = f"{len(parts)}, {len(modules)}"
        rows[f"`{package}`: import edges between parts, modules"] = f"{len(between_parts(edges))}, {len(edges)}"
    edges, loading = checkout.own_edges(), checkout.own_edges(on_load=True)
    for words, of in (("parts", between_parts(loading)), ("modules", loading)):
        found = cycles(of)
        rows[f"import cycles of {words}"] = f"{len(found)}, with {sum(map(len, found))} {words}" if found else "0"
    upward, judged, outside = against_layers(edges)
    rows["import edges against the order of layers"] = f"{len(upward)} of {judged}; {outside:,} outside the layers"
    return rows | {rule.words: f"{len(rule.breaches(checkout.edges)):,}" for rule in RULES}


def listings(checkout: Checkout) -> dict[str, str]:
    """How many files and folders a listing shows, of the folders that a newcomer opens first and of the fullest."""
    shown = checkout.listing()
    rows = {f"names in `{folder}/`": f"{shown[folder]}" for folder in (*OWN, "tests", "docs") if folder in shown}
    below = {folder: count for folder, count in shown.items() if folder.partition("/")[0] in OWN and "/" in folder}
    fullest = max(below, key=lambda folder: below[folder], default=None)
    return rows | {"fullest folder below a package": f"{below[fullest]}, `{fullest}/`" if fullest else "–"}


def sizes(checkout: Checkout) -> dict[str, str]:
    """Of what is written by hand in the packages; tests and generated files in one row each."""
    written = [module for module in checkout.modules.values() if not module.generated]
    generated = [module for module in checkout.modules.values() if module.generated]
    functions = [(lines, f"{module.name}.{name}") for module in written for name, lines in module.functions()]
    files = [(module.lines, module.path) for module in written if module.text.strip()]
    rows = {
        words: f"{sum(module.lines for module in of):,} in {len(of):,} files"
        for words, of in (("lines of Python", written), ("the same, generated", generated), ("tests", checkout.tests))
    }
    for words, measured in (("file", files), ("function", functions)):
        rows[f"lines a {words}, median"] = f"{statistics.median([lines for lines, _ in measured] or [0]):g}"
        for place, (lines, name) in enumerate(sorted(measured, key=lambda each: (-each[0], each[1]))[:LONGEST], 1):
            rows[f"longest {words}, {place}"] = f"{lines}, `{name}`"
    public = [documented for module in written for documented in module.public()]
    rows["public things with a docstring"] = f"{sum(public) / max(1, len(public)):.0%} of {len(public):,}"
    last = {module.name.rpartition(".")[2] for module in written} - TERMS
    rows["module names that are gerunds"] = f"{sum(name.endswith('ing') for name in last)}"
    names = [name.rpartition(".")[2] for _, name in functions]
    participles = [name for name in names if (name.endswith("ed") or name in IRREGULAR) and "_" not in name]
    rows["functions named by a participle alone"] = f"{len([name for name in participles if name not in TERMS])}"
    return rows


def changes(root: Path, since: str) -> dict[str, Counter[str]]:
    """Lines added and deleted and files moved from a commit to HEAD, by top-level folder; generated files apart."""
    generated = set[str]()
    for commit in (since, "HEAD"):
        found = git(root, "grep", "-n", "-I", GENERATED, commit).splitlines()
        generated |= {line.removeprefix(f"{commit}:").partition(":1:")[0] for line in found if ":1:" in line}
    fields = iter(git(root, "diff", "--numstat", "-z", "-M", "-l100000", since, "HEAD").split("\0"))
    folders: dict[str, Counter[str]] = defaultdict(Counter)
    for field in filter(None, fields):
        added, deleted, path = field.split("\t")
        moved = not path
        if moved:  # the names before and after follow
            _, path = next(fields), next(fields)
        apart = path in generated or MADE_BY_TOOLS.search(path)
        folder = "generated" if apart else path.partition("/")[0] + "/" if "/" in path else "beside the folders"
        lines = {"added": int(added.replace("-", "0")), "deleted": int(deleted.replace("-", "0"))}
        folders[folder].update(lines | {"moved": int(moved)})
    return folders


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def changes_table(name: str, folders: dict[str, Counter[str]], since: str) -> str:
    written = sum((count for folder, count in folders.items() if folder != "generated"), Counter[str]())
    rows = [*sorted(folders.items(), key=lambda row: (row[0] == "generated", row[0])), ("all but generated", written)]
    counts = [[folder, *(f"{count[what]:,}" for what in ("added", "deleted", "moved"))] for folder, count in rows]
    return table([f"{name} since {since}", "lines added", "lines deleted", "files moved"], counts)


def measure(checkouts: list[Checkout]) -> str:
    """One table with a column a checkout; `–` where a checkout has no such row."""
    sections: tuple[Callable[[Checkout], dict[str, str]], ...] = (listings, imports, sizes)
    columns = [{words: cell for of in sections for words, cell in of(checkout).items()} for checkout in checkouts]
    rows = dict.fromkeys(words for column in columns for words in column)
    head = ["", *(checkout.name for checkout in checkouts)]
    return table(head, ([words, *(column.get(words, "–") for column in columns)] for words in rows))


def breaches(checkout: Checkout) -> Iterator[str]:
    """Cycles, and what is counted against the order of layers and the rules, one line each."""
    edges, loading = checkout.own_edges(), checkout.own_edges(on_load=True)
    for words, of in (("parts", between_parts(loading)), ("modules", loading)):
        yield from (f"- cycle of {words}: {', '.join(sorted(names))}" for names in cycles(of))
    yield from (f"- layers: {a} → {b}" for a, b in sorted(against_layers(edges)[0]))
    for rule in RULES:
        yield from (f"- {rule.words}: {a} → {b}" for a, b in sorted(rule.breaches(checkout.edges)))


def main(
    at: Annotated[list[Path] | None, typer.Argument(metavar="[CHECKOUT]...", help="This one unless given.")] = None,
    since: Annotated[str | None, typer.Option(help="Count lines added and deleted since this commit.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List cycles, and what is against rules and layers.")] = False,
) -> None:
    """Measure checkouts beside each other."""
    checkouts = [Checkout(root) for root in at or [ROOT]]
    typer.echo(measure(checkouts))
    for checkout in checkouts:
        if since:
            typer.echo("\n" + changes_table(checkout.name, changes(checkout.root, since), since))
        if listed:
            typer.echo("\n".join([f"\n{checkout.name}\n", *breaches(checkout)]))


if __name__ == "__main__":
    typer.run(main)
