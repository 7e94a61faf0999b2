"""Cells of CSV: nothing that a spreadsheet calculates, and everything reads back as it was."""

from __future__ import annotations

import csv
import io

import pytest

from service.core.csv_cells import as_text, from_text
from service.features import csv_format
from service.prune_lists.formats import csv_of
from tests.support.documents import prune_list
from trainers.runs.prune_list import PruneList

FORMULAS = ("=1+1", "+1", "-abc", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''@x")


@pytest.mark.parametrize("text", [*FORMULAS, "plain", "'", "", "a=b", "'quoted'"])
def test_text_reads_back_as_it_was(text: str) -> None:
    cell = as_text(text)
    assert cell[:1] not in tuple("=+-@\t\r")
    assert from_text(cell) == text


def test_numbers_stay_numbers() -> None:
    assert (as_text(-0.5), as_text(None)) == (-0.5, None)


def test_a_table_of_features_reads_back_as_it_was() -> None:
    feature = {"name": "a", "kind": "categorical", "dim": 4, "column": "=cmd()", "owner": "@team", "tags": ["x"]}
    text = csv_format.write([{**feature, "default": "-abc"}, {**feature, "default": -5}])
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@")] == ["-5"], "a number, no formula"
    read = csv_format.read(text)
    assert [each["default"] for each in read] == ["-abc", -5]
    assert {(each["column"], each["owner"]) for each in read} == {("=cmd()", "@team")}


def test_a_table_of_a_prune_list_has_no_formulas() -> None:
    found = PruneList.parse(prune_list({"=HYPERLINK(1)": "keep"}))
    rows = list(csv.reader(io.StringIO(csv_of(found).decode())))
    assert rows[1][0] == "'=HYPERLINK(1)"
