"""Alert rules, checked and unit-tested by promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES, TESTS = FOLDER / "winnow.rules.yaml", FOLDER / "winnow.tests.yaml"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"


def promtool(*arguments: object, content: str | None = None) -> str:
    """What it says; a failure fails the test."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool isn't installed (Debian: apt-get install prometheus)")
    ended = subprocess.run(
        ["promtool", *map(str, arguments)], input=content, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


def test_rules_are_sound() -> None:
    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", "--lint-fatal", RULES)


def test_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", TESTS)


def test_the_configuration_is_sound() -> None:
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", FOLDER / "prometheus.yaml")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(alert["annotations"]) == {"summary", "description"}
    assert len(alert["annotations"]["description"]) > 100
    tests = TESTS.read_text(encoding="utf-8")
    assert f'alertname="{alert["alert"]}"' in tests, "no test fires it"
    documented = REFERENCE.read_text(encoding="utf-8")
    assert f"`{alert['alert']}`" in documented


def test_rules_name_metrics_that_the_service_has() -> None:
    """Where there is no Prometheus to ask, at least no name is mistyped."""
    documented = set(re.findall(r"`(winnow_\w+)`", REFERENCE.read_text(encoding="utf-8")))
    named = {name for rule in rules() for name in re.findall(r"\b(winnow_\w+)", rule["expr"])}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= documented
