"""What pages cost their readers: the time to the heat map, a slider's reaction, and what is sent, in headless Chromium.

    python -m tests.experiments.pages --features 10000 --snapshots 10000

A run of that size is rehearsed and served from a thread of this process; every first visit is a browser's that has
nothing cached, every second one its next visit to the same page.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from playwright.sync_api import Browser, Page

from tests.support.browser import browser, page_of, sign_in
from tests.support.rehearsal import Pace
from tests.support.serving import wait_until
from tests.support.showcase import MODEL, SPEC, Showcase, feature

LONGEST_SECONDS = 3600.0
PORTION = 10_000
# Milliseconds since the navigation began at which the heat map has been painted.
PAINTED = """() => new Promise((resolve) => {
  const look = () => {
    const map = document.querySelector(".heat-map canvas");
    if (map && map.clientWidth && map.width) requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    else requestAnimationFrame(look);
  };
  look();
})"""
SENT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, each) => sum + each.transferSize, 0)"""
# Milliseconds from a slider's event until what it changed has been painted.
MOVED = """(share) => new Promise((resolve) => {
  const slider = document.querySelector("main input[type=range]");
  slider.value = String(Number(slider.min) + share * (Number(slider.max) - Number(slider.min)));
  const began = performance.now();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
})"""


@dataclass
class Found:
    """Milliseconds, and bytes as they went over the wire."""

    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)
    sent_first: int = 0
    sent_second: int = 0


@contextmanager
def finished(home: Path, features: int, snapshots: int) -> Iterator[tuple[Showcase, str]]:
    """A service with a finished run of that size, and the job's id."""
    show = Showcase(home)
    show.engine.pace = lambda _: Pace(snapshots=snapshots)
    with show.serving():
        show.ask("POST", "/v1/models", {"name": MODEL, "owner": "load", "spec": SPEC})
        rows = [{**feature(place), "status": "active"} for place in range(features)]
        for begin in range(0, features, PORTION):
            show.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows[begin : begin + PORTION]})
        job = show.job("big")
        wait_until(lambda: show.ask("GET", f"/v1/jobs/{job}")["state"] == "succeeded", seconds=LONGEST_SECONDS)
        yield show, job


def visit(page: Page, address: str) -> tuple[float, int]:
    """Milliseconds to the heat map, and bytes sent until the page had all."""
    page.goto(address, wait_until="commit")
    took = float(page.evaluate(PAINTED))
    page.wait_for_selector("main[data-ready]")
    return took, int(page.evaluate(SENT))


def measure(show: Showcase, job: str, chromium: Browser, rounds: int) -> Found:
    found = Found()
    for _ in range(rounds):
        # A context of its own for the sign-in's page too: its modules are then in no cache of the visit's.
        with page_of(chromium, fresh=True) as page:
            sign_in(page, show.url, show.key)
            cookies = page.context.cookies()
        with page_of(chromium, fresh=True) as page:
            page.context.add_cookies(cookies)  # type: ignore[arg-type]
            took, found.sent_first = visit(page, f"{show.url}/jobs/{job}#gates")
            found.first.append(took)
            page.goto("about:blank")
            took, found.sent_second = visit(page, f"{show.url}/jobs/{job}#gates")
            found.second.append(took)
            page.goto(f"{show.url}/models/{MODEL}/lists/1")
            page.wait_for_selector("main[data-ready]")
            page.evaluate(MOVED, 0.5)
            found.moves += [page.evaluate(MOVED, share / 10) for share in range(10)]
    return found


def main(features: int = 10_000, snapshots: int = 10_000, rounds: int = 5) -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        finished(Path(home), features, snapshots) as (show, job),
        browser() as chromium,
    ):
        found = measure(show, job, chromium, rounds)
    print(f"| {features:,} features × {snapshots:,} snapshots, {rounds} rounds | median | worst | MB sent |")
    print("|---|---|---|---|")
    for what, times, sent in (
        ("heat map, first visit, ms", found.first, found.sent_first),
        ("heat map, second visit, ms", found.second, found.sent_second),
        ("slider, ms", found.moves, None),
    ):
        weight = "–" if sent is None else f"{sent / 1e6:.2f}"
        print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} | {weight} |")


if __name__ == "__main__":
    typer.run(main)
