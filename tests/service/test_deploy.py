"""docker/ and deploy/ against the code: settings that exist, paths that exist, an application that starts from them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from fastapi.testclient import TestClient

from service.main import application
from service.settings import Settings
from tests.support.repository import ROOT

DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
MANIFESTS = sorted((ROOT / "deploy").glob("*.yaml"))
GUIDES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
SETTINGS = ROOT / "docs" / "reference" / "settings.md"


def manifest(name: str) -> list[Any]:
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [*DOCKERFILES, *MANIFESTS, *GUIDES], ids=lambda path: path.name)
def test_settings_that_are_named_exist(path: Path) -> None:
    named = set(re.findall(r"\bWINNOW_[A-Z_]+", path.read_text(encoding="utf-8"))) - {"WINNOW_TRACEBACK"}
    assert named <= {f"WINNOW_{field.upper()}" for field in Settings.model_fields}


def test_the_reference_has_every_setting() -> None:
    documented = set(re.findall(r"^\| (`WINNOW_.*?) \|", SETTINGS.read_text(encoding="utf-8"), re.MULTILINE))
    names = {name for cell in documented for name in re.findall(r"WINNOW_[A-Z_]+", cell)}
    assert names == {f"WINNOW_{field.upper()}" for field in Settings.model_fields}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_copy_what_exists_and_run_as_nobody_special(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    copied = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    assert {"pyproject.toml", "service", "trainers", "sharding"} <= set(copied)
    assert [source for source in copied if not (ROOT / source).exists()] == []
    kinds = [line.partition(" ")[0] for line in lines]
    assert "HEALTHCHECK" in kinds
    assert kinds.index("USER") < kinds.index("CMD")
    assert "root" not in next(line for line in lines if line.startswith("USER"))


def test_versions_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    worker = (ROOT / "docker/worker.Dockerfile").read_text(encoding="utf-8")
    pinned = re.search(r"torch==([\d.]+)", worker)
    assert pinned
    assert f'"torch=={pinned[1]}"' in project
    cluster = next(each for each in manifest("kuberay.yaml") if each["kind"] == "RayCluster")
    assert f'"ray[default]=={cluster["spec"]["rayVersion"]}"' in project


def test_compose_names_files_that_exist_and_publishes_to_loopback() -> None:
    services = manifest("compose.yaml")[0]["services"]
    for service in services.values():
        if "build" in service:
            context = (ROOT / "deploy" / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    homes = [
        volume for name in ("ray-head", "control-plane") for volume in services[name]["volumes"] if "home" in volume
    ]
    assert homes == [f"home:{services['control-plane']['environment']['WINNOW_HOME']}"] * 2


def test_kubernetes_objects_fit_together() -> None:
    found = {each["kind"]: each for each in manifest("kuberay.yaml")}
    assert set(found) == {"PersistentVolumeClaim", "RayCluster", "Deployment", "Service"}
    spec = found["RayCluster"]["spec"]
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"], found["Deployment"]["spec"]]
    home = None
    for pod in (each["template"]["spec"] for each in pods):
        assert (
            pod["volumes"][0]["persistentVolumeClaim"]["claimName"]
            == found["PersistentVolumeClaim"]["metadata"]["name"]
        )
        mount = pod["containers"][0]["volumeMounts"][0]["mountPath"]
        assert home in (None, mount)
        home = mount
    environment = {each["name"]: each.get("value") for each in pods[-1]["template"]["spec"]["containers"][0]["env"]}
    assert environment["WINNOW_HOME"] == home
    assert environment["WINNOW_RAY_ADDRESS"] == f"http://{found['RayCluster']['metadata']['name']}-head-svc:8265"
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"].items() <= labels.items()


def test_the_application_starts_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_HOME", str(tmp_path))
    monkeypatch.setenv("WINNOW_RAY_ADDRESS", "http://127.0.0.1:1")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x")
    at_start, later = StringIO(), StringIO()
    logged = structlog.get_config()
    with redirect_stdout(at_start):
        made = application()
    try:
        with redirect_stdout(later), TestClient(made) as http:
            assert http.get("/healthz").json() == {"status": "ok"}
            found = http.get("/readyz").json()
            (problem,) = found.pop("problems")
            assert "WINNOW_RAY_ADDRESS" in problem
            assert found == {"ready": False, "database": True, "storage": True, "ray": False}
    finally:
        structlog.configure(**logged)
    requests = [json.loads(line) for line in at_start.getvalue().splitlines()]
    assert [each["route"] for each in requests if each["event"] == "request"] == ["/healthz", "/readyz"]
    assert later.getvalue() == ""


def test_a_wheel_has_the_migrations(tmp_path: Path) -> None:
    """Images install the packages; nothing else notices a data file that only the checkout has."""
    code = (
        "import sys, os; os.chdir(sys.argv[1]);"
        "from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[2]))"
    )
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "service", "trainers", "sharding"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "-c", code, str(source), str(tmp_path)], check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    wanted = [path.relative_to(ROOT).as_posix() for path in (ROOT / "service/migrations").rglob("*.py")]
    assert [name for name in wanted if name not in names] == []
