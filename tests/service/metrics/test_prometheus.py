"""A real Prometheus scrapes a real service: every query of every dashboard, and every rule, has data."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.ray.client import Status
from tests.support.dashboards import FILES, queries, read, variables
from tests.support.monitored import Monitored
from tests.support.repository import ROOT
from tests.support.serving import free_port, wait_until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "winnow.rules.yaml"
SCRAPE_SECONDS = 0.5
RATE = "5m"  # longer than the test takes

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus isn't installed (Debian: apt-get install prometheus)"
)


class Prometheus:
    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False)

    def get(self, path: str, **parameters: str) -> Any:
        answer = self.http.get(path, params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    def query(self, expr: str) -> list[float]:
        found = self.get("query", query=expr)
        rows = [found] if found["resultType"] == "scalar" else found["result"]
        return [float((row["value"] if isinstance(row, dict) else row["result"])[1]) for row in rows]

    def scrapes(self) -> float:
        return sum(self.query('count_over_time(up{job="winnow"}[5m])'))


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[Prometheus]:
    """On loopback and a free port, its data in `folder`; scrapes and evaluates every half a second."""
    found = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    (scrape,) = (job for job in found["scrape_configs"] if job["job_name"] == "winnow")
    del scrape["authorization"]
    scrape["static_configs"] = [{"targets": [f"127.0.0.1:{target}"]}]
    found["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    found["rule_files"], found["scrape_configs"] = [str(RULES)], [scrape]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(found), encoding="utf-8")
    port = free_port()
    command = ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    asked = Prometheus(port)
    try:
        wait_until(lambda: _answers(port, process, folder / "log"), seconds=30)
        yield asked
    finally:
        asked.http.close()
        process.terminate()
        process.wait(timeout=20)


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text(encoding="utf-8")
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Monitored, Prometheus]]:
    """Everything happens between two scrapes, so that what counts up has risen."""
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus isn't installed (Debian: apt-get install prometheus)")
    monitored = Monitored(tmp_path_factory.mktemp("home"))
    folder = tmp_path_factory.mktemp("prometheus")
    with monitored.serving(), prometheus(folder, monitored.port) as asked:
        wait_until(lambda: asked.scrapes() >= 2)
        monitored.everything()
        before = asked.scrapes()
        wait_until(lambda: asked.scrapes() >= before + 6, seconds=60)
        time.sleep(2 * SCRAPE_SECONDS)  # for rules over what the last scrape brought
        yield monitored, asked


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@needs_prometheus
def test_every_query_of_every_dashboard_has_data(scraped: tuple[Monitored, Prometheus]) -> None:
    monitored, asked = scraped
    values = {"job_id": monitored.running, "model": ".*", "__rate_interval": RATE, "__range": "5m"}
    without = []
    for query in queries():
        expr = query.filled(**values)
        # Over hours, as shown; here it was all within the last seconds.
        expr = re.sub(r"\[(6h|1h|1d)\]", f"[{RATE}]", expr)
        if not any(map(math.isfinite, asked.query(expr))):
            without.append(f"{query.dashboard} / {query.panel}: {expr}")
    assert without == []


@needs_prometheus
def test_every_rule_is_evaluated_and_what_is_recorded_has_data(scraped: tuple[Monitored, Prometheus]) -> None:
    _, asked = scraped
    evaluated = [rule for group in asked.get("rules")["groups"] for rule in group["rules"]]
    assert len(evaluated) == len(rules())
    assert [rule["name"] for rule in evaluated if rule["health"] != "ok"] == []
    recorded = [rule for rule in rules() if "record" in rule]
    assert [rule["record"] for rule in recorded if not asked.query(rule["record"])] == []


COMPARISON = re.compile(r"\s(==|>|<)\s[\d.* ]+(?=\s|$)")


@needs_prometheus
def test_what_alerts_are_about_is_there(scraped: tuple[Monitored, Prometheus]) -> None:
    """Each side of every alert's expression, without its threshold, has data: a mistyped name would never fire."""
    _, asked = scraped
    sides = [
        side
        for rule in rules()
        if "alert" in rule
        for side in re.split(r"\s(?:or|and on \(\w+\))\s", COMPARISON.sub("", " ".join(rule["expr"].split())))
        if not side.startswith("absent")
    ]
    assert len(sides) > 14
    short = {side: re.sub(r"\[(30m|1h|10m|5m)\]", f"[{RATE}]", side) for side in sides}
    assert [side for side, expr in short.items() if not any(map(math.isfinite, asked.query(expr)))] == []


@needs_prometheus
def test_alerts_of_what_went_wrong_are_pending_or_firing(scraped: tuple[Monitored, Prometheus]) -> None:
    _, asked = scraped
    wait_until(lambda: len(asked.get("alerts")["alerts"]) >= 3)
    found = {alert["labels"]["alertname"]: alert for alert in asked.get("alerts")["alerts"]}
    assert {"WinnowGuardFailed", "WinnowTriggerFailing", "WinnowListUndecided"} <= set(found)
    assert {name for name in found if "rror" in found[name]["annotations"]["description"][:20]} == set()
    assert found["WinnowListUndecided"]["annotations"]["description"].startswith("Verdict of their guards: failed.")


@needs_prometheus
def test_series_of_a_job_vanish_when_it_ends(scraped: tuple[Monitored, Prometheus]) -> None:
    monitored, asked = scraped
    series = f'count({{__name__=~"winnow_job_.*", job_id="{monitored.running}"}})'
    assert asked.query(series)[0] > 20
    monitored.call("POST", f"/v1/jobs/{monitored.running}/cancel")
    monitored.engine.states[monitored.newest(monitored.running)] = Status.ENDED
    wait_until(lambda: monitored.state(monitored.running) == "cancelled")
    wait_until(lambda: asked.query(series) == [])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dashboards_are_whole(path: Path) -> None:
    """What Grafana would pass over in silence: ids given twice, variables that aren't there, panels over others."""
    found = read(path)
    assert found["uid"] == path.stem
    ids = [panel["id"] for panel in found["panels"]]
    assert len(ids) == len(set(ids))
    used = {name for text in re.findall(r"\$\{?(\w+)", json.dumps(found["panels"])) for name in [text]}
    assert used <= variables(path)
    taken: set[tuple[int, int]] = set()
    for panel in found["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_what_compose_mounts_is_where_the_configuration_looks() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    assert all((DEPLOY / source).is_dir() for source in mounts)
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/winnow.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    (source,) = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8")
    )["datasources"]
    assert source["url"] == "http://prometheus:9090"
    configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    winnow = configuration["scrape_configs"][0]
    assert winnow["static_configs"][0]["targets"] == ["control-plane:8080"]
    assert winnow["authorization"]["credentials_file"] == f"/run/secrets/{services['prometheus']['secrets'][0]}"
    assert all((DEPLOY / "prometheus" / name).is_file() for name in configuration["rule_files"])
    for name in ("prometheus", "grafana"):
        assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"]), "pinned to a release"
