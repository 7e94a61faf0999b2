"""Dashboard clients beside a training, a short form."""

from __future__ import annotations

import pytest

from tests.experiments import dashboard_clients


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dashboard_clients_are_held_beside_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_clients, "SETTLE_SECONDS", 1.0)
    found = dashboard_clients.measure(clients=3, features=12, seconds=2.0, rounds=1, age=60.0)
    assert {name: len(windows) for name, windows in found.items()} == {"none": 1, "clients": 1}
    assert all(rate > 0 for windows in found.values() for rate, _ in windows)
