"""What rankings cost, on a tiny table."""

from pathlib import Path

import pytest

from tests.experiments.search_cost import EVERY_ROW, measure
from tests.trainers.selectors.test_conformance import spec_of, write_data
from trainers.spec import parse_spec

pytestmark = pytest.mark.filterwarnings("ignore")


def test_passes_and_rows_of_both_ways(tmp_path: Path) -> None:
    write_data(tmp_path)
    raw = spec_of("leap", tmp_path).model_dump(mode="json")
    raw["training"] |= {"epochs": 2}
    spec = parse_spec(raw)
    every = measure(spec, {"name": "permutation", "rows": EVERY_ROW})
    # Once as it is, and three times a feature: 800 validation rows, five features; two epochs of 20 steps.
    assert (every.steps, every.passes, every.rows) == (40, 16, 800)
    own = measure(spec, {"name": "leap"})
    assert (own.steps, own.rows) == (40, 800)
    assert min(own.passes, own.seconds) > 0
