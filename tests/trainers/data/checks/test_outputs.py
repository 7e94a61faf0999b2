"""What a command writes never lies among the rows that it reads."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.conftest import TinyDataset
from trainers.data.checks.outputs import find_output_problem
from trainers.launch.runner import run
from trainers.spec import DatasetSpec, SpecError, load_spec


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of rows with a folder, a hidden folder and a link to a folder elsewhere; a file beside it."""
    for folder in ("rows/day=1", "rows/_old", "elsewhere/more", "beside"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "rows" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "rows" / "up").symlink_to(tmp_path)
    (tmp_path / "beside" / "test.parquet").write_bytes(b"")
    return tmp_path


def dataset(data: Path, train: str = "rows") -> DatasetSpec:
    uri = train if "://" in train else str(data / train)
    return DatasetSpec(train=uri, validation=str(data / "missing"), test=str(data / "beside/test.parquet"))


@pytest.mark.parametrize(
    ("output", "apart"),
    [
        ("rows", False),
        ("rows/run", False),
        ("rows/day=1/runs/first", False),
        ("rows/../rows/run", False),
        ("elsewhere/more/run", False),  # by the link
        ("rows/linked/run", False),
        ("beside/test.parquet", False),
        ("runs/first", True),
        ("rows2/run", True),
        ("beside/run", True),  # only a file of it is data
        ("rows/_old/run", True),  # isn't read
        ("rows/.runs/first", True),
        ("missing/run", True),  # the check says that it is missing
    ],
)
def test_an_output_among_the_rows_is_a_problem(data: Path, output: str, apart: bool) -> None:
    found = find_output_problem(dataset(data), data / output)
    assert (found is None) is apart
    assert found is None or found.startswith(f"output: {data / output} ")


def test_a_file_uri_is_of_this_machine_and_another_store_is_not(data: Path) -> None:
    assert "the folder of dataset.train" in str(
        find_output_problem(dataset(data, f"file://{data}/rows"), data / "rows/x")
    )
    assert find_output_problem(dataset(data, "s3://bucket/rows"), data / "rows/x") is None


def test_a_run_is_refused_and_leaves_nothing_there(tiny_dataset: TinyDataset) -> None:
    train = tiny_dataset.directory / "train"
    before = sorted(train.rglob("*"))
    for output in (train, train / "run"):
        with pytest.raises(SpecError, match=r"output: .* the folder of dataset\.train, .*name a place outside"):
            run(load_spec(tiny_dataset.spec), output)
    assert sorted(train.rglob("*")) == before


def test_check_tells_of_the_specs_own_output(tiny_dataset: TinyDataset) -> None:
    spec = tiny_dataset.spec
    spec.write_text(f"{spec.read_text()}\noutput: {tiny_dataset.directory}/train/run\n")
    ended = CliRunner().invoke(app, ["check", str(spec)])
    assert ended.exit_code == 2
    assert "the folder of dataset.train" in ended.stderr


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("train/result.json", "the folder of dataset.train"),
        ("train/part-0.parquet", "the folder of dataset.train"),
        ("spec.yaml", "is the spec itself"),
        ("", "is a directory; name a file"),
    ],
)
def test_retrain_writes_over_neither_data_nor_spec(tiny_dataset: TinyDataset, output: str, said: str) -> None:
    path = tiny_dataset.directory / output
    before = path.read_bytes() if path.is_file() else None
    ended = CliRunner().invoke(app, ["retrain", str(tiny_dataset.spec), "--keep", "age", "--output", str(path)])
    assert ended.exit_code == 2
    assert said in ended.stderr.replace("\n", " ")
    assert before is None or path.read_bytes() == before
