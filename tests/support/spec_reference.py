"""Pages of the reference, from the models of the code.

python -m tests.support.spec_reference spec         # prints docs/reference/spec.md
python -m tests.support.spec_reference prune-list   # prints docs/reference/prune-list.md
python -m tests.support.spec_reference benchmark    # prints docs/reference/benchmark.md
"""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel

from trainers.benchmark.suite import BenchmarkSpec
from trainers.runs.prune_list import PruneList
from trainers.spec import JobSpec

SPEC = """\
# The spec

Unknown keys are refused, and so is a key that stands twice. Files are JSON, or YAML 1.2: `yes`, `no` and dates are
text, and numbers that versions of YAML read differently (`0100`, `12:30`) are refused. Relative paths of
data are taken from the spec's own folder by `winnow run`, `check`, `retrain` and `submit`, and `output` from the folder
where the command is called. The spec of a model (`winnow models create --spec`) and specs sent to the API name absolute
paths or URIs. Generated from the models of `trainers/spec`; [examples](../../examples) has whole specs.
"""
PRUNE_LIST = """\
# The prune list

`prune_list.json` of a run, and what the service stores and serves. It never changes. Generated from
`trainers/runs/prune_list.py`. Lists of versions 1 and 2 are read as well.

Features are in the order of the ranking, the most needed first. Serve those whose `decision` is `keep`.
"""
BENCHMARK = """\
# The benchmark

The file that `winnow benchmark` reads, YAML or JSON. Unknown keys are refused.
[Compare methods](../how-to/compare-methods.md) has an example. Paths of specs and data are taken from
the folder of this file. Generated from `trainers/benchmark/suite.py`; blocks of selectors, backbones, data sets,
features and training are those of [the spec](spec.md).

A benchmark's directory has these files. It may be deleted at any time, and costs the time that its cells took.

| file | content |
|---|---|
| `benchmark.json` | the suite, as it was given |
| `cells/` | a JSON file for each search and each retraining; what is there is not computed again |
| `results.parquet` | a row for each method, backbone, data set, ratio and seed |
| `results.md` | the tables |
| `report.html` | the page; needs no network |
| `workers.log` | what the cells' processes and their libraries said |

`results.parquet` has these columns. Where a cell failed, `reason` says why, and numbers are null.

| column | content |
|---|---|
| `method`, `backbone`, `dataset`, `retention`, `seed` | what the row is of; `retention` is 1 of `no_selection` |
| `kept`, `features`, `dims` | the features that stay, best first; how many, and how wide |
| `auc`, `gauc`, `logloss`, `ne` | of the retrained model, on the test split; logloss in nats |
| `search_seconds`, `retrain_seconds` | of the search, its ranking and the look for copies; of the retraining |
| `search_epochs` | passes over the training rows while the method trained a model |
| `search_passes` | passes over the rows that the method measured, where it tells them |
| `search_peak_bytes`, `retrain_peak_bytes` | the most memory beyond that at the start; null where it isn't known |
"""
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def render(page: str = "spec") -> str:
    pages: dict[str, tuple[str, type[BaseModel]]] = {
        "spec": (SPEC, JobSpec),
        "prune-list": (PRUNE_LIST, PruneList),
        "benchmark": (BENCHMARK, BenchmarkSpec),
    }
    head, model = pages[page]
    # What the page of the spec has needs no second place.
    elsewhere = JobSpec.model_json_schema()["$defs"] if model is BenchmarkSpec else {}
    schema = model.model_json_schema()
    parts = [head, _section(str(schema["title"]), schema)]
    parts += [_section(name, part) for name, part in _in_order(schema).items() if name not in elsewhere]
    return "\n".join(parts)


def _in_order(schema: dict[str, Any]) -> dict[str, Any]:
    """Every model that the spec names, parents before their parts."""
    found: dict[str, Any] = {}

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                name = part["$ref"].rpartition("/")[2]
                if name not in found:
                    found[name] = schema["$defs"][name]
                    visit(found[name])
            for value in part.values():
                visit(value)
        elif isinstance(part, list):
            for value in part:
                visit(value)

    visit(schema["properties"])
    return found


def _section(title: str, model: dict[str, Any]) -> str:
    text = " ".join(model.get("description", "").split())
    lines = [f"## {title}", "", *([text, ""] if text else []), "| key | type | default | |", "|---|---|---|---|"]
    required = model.get("required", [])
    for name, field in model["properties"].items():
        default = "required" if name in required else _default(field)
        lines.append(f"| `{name}` | {_type(field)} | {default} | {_cell(_meaning(field))} |")
    return "\n".join(lines) + "\n"


def _default(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    value = field.get("default")
    if isinstance(value, dict):
        return "see below" if value else "`{}`"
    return '`""`' if value == "" else f"`{value}`"


def _meaning(field: dict[str, Any]) -> str:
    deprecated = "for one more version: " if field.get("deprecated") else ""
    return deprecated + str(field.get("description", ""))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if "const" in field:
        return str(field["const"])
    if "enum" in field:
        return " \\| ".join(map(str, field["enum"]))
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(_type(option) for option in field[key])
    if field.get("type") == "array":
        items = field.get("items") or field.get("prefixItems", [{}])[0]
        return f"list of {_type(items)}"
    limits = ", ".join(f"{sign} {field[key]}" for key, sign in BOUNDS.items() if key in field)
    return f"{field.get('type', 'any')} {limits}".strip()


if __name__ == "__main__":
    print(render(*sys.argv[1:]), end="")
