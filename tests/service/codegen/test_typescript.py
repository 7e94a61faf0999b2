"""What the pages have of the schemas is what the schemas are."""

from __future__ import annotations

from service.codegen.typescript import STATES, STATUSES, TYPES, first_line, schemas, states, statuses

REMEDY = "run python -m service.codegen"


def test_the_types_are_of_the_schemas() -> None:
    assert TYPES.read_text(encoding="utf-8").partition("\n")[0] == first_line(), REMEDY


def test_the_stages_and_states_are_those_of_a_run_and_a_job() -> None:
    assert STATES.read_text(encoding="utf-8") == states(), REMEDY
    assert (
        'STAGES = /** @type {const} */ ([\n  "validating",\n  "starting",\n  "searching",\n  "ranking",\n'
        '  "finetuning",\n  "evaluating",\n]);' in states()
    )


def test_the_statuses_are_those_of_a_feature() -> None:
    assert STATUSES.read_text(encoding="utf-8") == statuses(), REMEDY
    assert '  active: ["essential", "pruned", "retired", "candidate"],\n' in statuses()
    assert 'IN_JOBS = /** @type {const} */ (["essential", "active", "candidate"]);' in statuses()


def test_the_schemas_are_the_runs_own_and_of_no_selector() -> None:
    found = schemas()["components"]["schemas"]
    assert {"JobView", "ListDetail", "Progress", "PruneList", "Results", "GateHistory"} <= set(found)
    assert not [name for name in found if name.startswith("Leap")]
    assert not [name for name in found if "__" in name], "two schemas of one name"
    assert "details" in found["ListedFeature"]["required"]
    assert "divergence" not in found["ListedFeature"]["required"], "an old name may be absent"
