"""Dense features of ids are told with the remedy; quantities are not."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trainers.data.checks.id_like import has_name_of_id, id_warnings
from trainers.data.decode import Decoder
from trainers.spec import parse_spec

NUMBERS = np.arange(40)


def warnings(column: str, values: Any) -> list[str]:
    dataset = {split: split for split in ("train", "validation", "test")}
    features = [{"name": "x", "column": column, "kind": "dense"}]
    decoder = Decoder(parse_spec({"dataset": dataset, "features": features}))
    return list(id_warnings(decoder, pa.table({column: values}), "all 40 training rows"))


def test_the_remedy_is_named_and_so_is_the_type_that_ids_need() -> None:
    told = (
        "feature 'x': column 'shop_id' has the name of an id and 40 different whole numbers in all 40 training rows, "
        "and `kind: dense` reads them as quantities; if they are ids, declare it `kind: categorical`"
    )
    assert warnings("shop_id", NUMBERS) == [told]
    assert warnings("shop_id", NUMBERS.astype(float)) == [f"{told}, and write the column as integers"]


@pytest.mark.parametrize(
    ("column", "values"),
    [("age", NUMBERS), ("shop_id", NUMBERS / 2), ("shop_id", NUMBERS % 20), ("paid", NUMBERS)],
)
def test_quantities_and_grades_are_not_told(column: str, values: Any) -> None:
    assert warnings(column, values) == []


@pytest.mark.parametrize(
    ("column", "said"),
    [("id", True), ("ID", True), ("user_id", True), ("userId", True), ("UserID", True), ("geo.zip", True),
     ("paid", False), ("valid", False), ("monkey", False), ("id_count", False), ("covid", False), ("bid", False)],
)  # fmt: skip
def test_names(column: str, said: bool) -> None:
    assert has_name_of_id(column) is said
