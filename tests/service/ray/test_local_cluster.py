"""A Ray that starts slowly, or not at all, is a line and not a traceback."""

import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.ray import local_cluster

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")  # it may outlive us

TRACE = "raise Exception('the current node timed out during startup')"


def command(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(local_cluster, "_command", lambda *_: [sys.executable, "-c", code])


def test_ray_that_gives_up_slowly_is_started_again_and_then_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = f"import os, time; os.path.exists({str(tmp_path / 'tried')!r}) or time.sleep(2)"
    command(monkeypatch, f"{slow}; open({str(tmp_path / 'tried')!r}, 'w').close(); {TRACE}")
    with capture_logs() as logs, pytest.raises(local_cluster.RayStartError) as caught:
        local_cluster.ensure(tmp_path)
    assert [entry["said"] for entry in logs] == ["Exception: the current node timed out during startup"]
    said = str(caught.value)
    assert said.startswith(
        "Ray could not be started: Exception: the current node timed out during startup; see whether"
    )
    assert "WINNOW_RAY_ADDRESS" in said
    assert "\n" not in said


def test_ray_that_ends_at_once_is_not_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_cluster, "SLOW_SECONDS", 60.0)
    command(monkeypatch, "raise ImportError('no module ray')")
    with (
        capture_logs() as logs,
        pytest.raises(local_cluster.RayStartError, match="Ray could not be started: ImportError"),
    ):
        local_cluster.ensure(tmp_path)
    assert logs == []
