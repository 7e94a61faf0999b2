"""Which data sets and outputs a service takes: what lies under its roots, and no trick around them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.core.errors import InvalidError
from service.jobs.data_roots import check_spec, require_allowed
from service.settings import Settings
from trainers.spec import JobSpec

REMOTE = ("s3://bucket/data", "hdfs://name:9000/rows", "s3://own/x?endpoint_override=minio:9000")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file, beside what lies outside of it."""
    for folder in ("data/train", "data2", "outside"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "part.parquet").touch()
    return tmp_path / "data"


def refused(uri: str, *roots: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        require_allowed(uri, Settings(data_roots=roots), "dataset.train")
    assert caught.value.detail.startswith("dataset.train: ")
    return caught.value


@pytest.mark.parametrize("under", ["", "/", "/train", "/train/part.parquet", "/not-made-yet", "//train", "/./train"])
def test_what_lies_under_a_root_passes(root: Path, under: str) -> None:
    for given in (str(root), str(root) + "/"):
        require_allowed(f"{root}{under}", Settings(data_roots=("/nowhere", given)))
        require_allowed(f"file://{root}{under}", Settings(data_roots=(given,)))
    require_allowed(f"/{root}{under}", Settings(data_roots=(str(root),)))


@pytest.mark.parametrize(
    "uri",
    [
        "{outside}",
        "{root}2",
        "{root}2/part.parquet",
        "{root}/../outside",
        "{root}/train/../../outside",
        "{root}/train/..",
        "{root}/%2e%2e/outside",
        "{root}/%252e%252e/outside",
        "{root}/%2E%2E%2Foutside",
        "{root}/..%2foutside",
        "{root}/train%2fpart.parquet",
        "{root}\\..\\outside",
        "{root}/train\x00",
        "{root}/train\n",
        "{root}/\ud800",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "/..{root}",
        "file://{outside}",
        "file://{root}/../outside",
        "file://{root}/%2e%2e/outside",
        "file://{root}2",
        "file:{outside}",
        "file:{root}",
        "file:/{root}",
        "file:../data",
        "file://localhost{root}",
        "file://other{root}",
        "file://{root}?x=1",
        "file://{root}#x",
        "FILE://{outside}",
        "FILE://{root}",
        "mock://{root}",
        "x{root}://y",
    ],
)
def test_no_way_leads_out_of_a_root(root: Path, uri: str) -> None:
    given = uri.format(root=root, outside=root.parent / "outside")
    assert refused(given, str(root)).kind in {"outside-roots", "relative-path"}


@pytest.mark.parametrize("uri", ["data/train", "./data", "../data", "", "~/data", "C:\\data", "s3:bucket/data", "*"])
def test_a_relative_path_is_refused_everywhere(uri: str) -> None:
    for roots in (("/",), ("*",), ()):
        assert refused(uri, *roots).kind == "relative-path"


def test_a_case_is_part_of_a_path(root: Path) -> None:
    refused(str(root.parent / "DATA"), str(root))


def test_a_link_out_is_refused_and_a_link_within_passes(root: Path) -> None:
    settings = Settings(data_roots=(str(root),))
    (root / "again").symlink_to(root / "train")
    require_allowed(str(root / "again"), settings)
    require_allowed(str(root), settings)
    (root / "out").symlink_to(root.parent / "outside")
    for uri in (root / "out", root / "out" / "part.parquet", root / "out" / "new"):
        refused(str(uri), str(root))
    (root / "out").unlink()
    (root / "train" / "file").symlink_to(root.parent / "outside" / "part.parquet")
    for uri in (root, root / "train", root / "again", f"file://{root}/train"):
        assert "a link out" in refused(str(uri), str(root)).detail
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "loop").symlink_to(root / "elsewhere")
    require_allowed(str(root / "elsewhere"), settings)
    (root / "elsewhere" / "through").symlink_to(root / "train")
    assert "a link out" in refused(str(root / "elsewhere"), str(root)).detail
    (root / "circle").symlink_to(root / "circle")
    require_allowed(str(root / "circle"), settings)


def test_a_root_that_is_a_link_covers_what_it_leads_to(root: Path) -> None:
    alias = root.parent / "alias"
    alias.symlink_to(root)
    for given in (root, alias):
        for uri in (root / "train", alias / "train"):
            require_allowed(str(uri), Settings(data_roots=(str(given),)))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/data",
        "s3://bucket/data/",
        "s3://bucket/data/train",
        "s3://bucket/data/a%20b",
        "hdfs://name:9000/rows/x",
        "s3://own/x/y?endpoint_override=minio:9000",
    ],
)
def test_a_uri_under_a_root_passes(uri: str) -> None:
    require_allowed(uri, Settings(data_roots=REMOTE))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket",
        "s3://bucket/data2",
        "s3://bucket/datax/y",
        "s3://bucket/data/../other",
        "s3://bucket/data/%2e%2e/other",
        "s3://bucket/data/.%2e/other",
        "s3://bucket/data/%252e%252e/other",
        "s3://bucket/data%2f..%2fother",
        "s3://bucket//data",
        "s3://bucket/./data",
        "s3://bucket/data/./x",
        "s3://bucket/DATA",
        "s3://Bucket/data",
        "s3://other/data",
        "s3://bucket@other/data",
        "s3://bucket:80/data",
        "s3://key:secret@bucket/data",
        "s3://bucket.other/data",
        "s3://other\\@bucket/data",
        "s3://bucket/data?endpoint_override=169.254.169.254",
        "s3://bucket/data#x",
        "s3://own/x",
        "s3://own/x?endpoint_override=evil",
        "s3://[/data",
        "s3:///bucket/data",
        "gs://bucket/data",
        "hdfs://name/rows",
        "hdfs://name:9001/rows",
        "://bucket/data",
        "file:///bucket/data",
        "/bucket/data",
    ],
)
def test_a_uri_elsewhere_is_refused(uri: str) -> None:
    assert refused(uri, *REMOTE).kind == "outside-roots"


def test_everywhere_is_every_path_and_uri_but_no_trick_and_no_file_uri() -> None:
    for uri in ("/data/train", "s3://bucket/data?region=eu", "hdfs://name/x"):
        require_allowed(uri, Settings(data_roots=("*",)))
    for uri in ("file:///data/train", "FILE:///data", "file:/data", "/data/../etc", "s3://b/%2e%2e/c", "/data\0"):
        assert refused(uri, "*").kind == "outside-roots"


def test_without_roots_every_place_is_refused() -> None:
    for uri in ("/data", "s3://bucket/data", "file:///data"):
        assert "WINNOW_DATA_ROOTS" in refused(uri).detail


def test_every_place_of_a_spec_is_checked(root: Path) -> None:
    dataset = {"train": str(root), "validation": str(root), "test": str(root)}
    whole = {"dataset": dataset, "features": [{"name": "a", "kind": "dense"}], "output": str(root)}
    settings = Settings(data_roots=(str(root),))
    check_spec(JobSpec.model_validate(whole), settings)
    for split in dataset:
        wrong = JobSpec.model_validate({**whole, "dataset": {**dataset, split: "/etc"}})
        with pytest.raises(InvalidError, match=rf"^dataset\.{split}: '/etc'"):
            check_spec(wrong, settings)
    with pytest.raises(InvalidError, match=r"^output: 's3://b'"):
        check_spec(JobSpec.model_validate({**whole, "output": "s3://b"}), settings)


def test_roots_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATA_ROOTS", "/data, s3://bucket/x ,")
    assert Settings().data_roots == ("/data", "s3://bucket/x")
    for wrong in ("data", "file:///data", "/data/../etc", "data,/x", "FILE:///x"):
        monkeypatch.setenv("WINNOW_DATA_ROOTS", wrong)
        with pytest.raises(ValidationError, match="no absolute directory and no URI"):
            Settings()
