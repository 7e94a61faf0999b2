"""Jobs in a real browser: the list, and the page of one as it goes on."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import drawn, needs_browser, page_of, ready, sign_in
from tests.support.serving import PROGRESS, Home, wait_until
from tests.support.showcase import MODEL, SPEC, Showcase, feature
from trainers.runs.directory import RunDirectory, read_json, write_json

pytestmark = needs_browser
FEATURES = 12


class Jobs(Showcase):
    """A model whose jobs have ended, failed, go on, and wait; `ids` has them by name."""

    def settle(self) -> None:
        self.ask("POST", "/v1/models", {"name": MODEL, "owner": "ranking-team", "spec": SPEC})
        rows = [{**feature(place), "status": "active"} for place in range(FEATURES)]
        self.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows})
        self.ids: dict[str, str] = {}
        for name in ("first", "second", "broken"):
            self.ids[name] = self.job(name)
        self.ids["check"] = self.job("check", dry_run=True)
        for each in self.ids.values():
            self.ended(each)
        for name in ("live", "live-cancelled", "waiting"):
            self.ids[name] = self.job(name)
        wait_until(lambda: self.step("live") > 0, seconds=60)

    def directory(self, name: str) -> RunDirectory:
        return RunDirectory(self.app.state.settings.run_directory(self.ids[name], 1))

    def step(self, name: str) -> int:
        progress = self.ask("GET", f"/v1/jobs/{self.ids[name]}")["progress"] or {}
        return int(progress.get("step", 0))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    # The pace of a real service: it looks at its runs every second.
    show = Jobs(tmp_path_factory.mktemp("jobs"), poll_seconds=1.0, max_running_jobs=2)
    with show.serving():
        show.settle()
        yield show


@pytest.fixture
def page(served: Jobs, chromium: Browser) -> Iterator[Page]:
    with page_of(chromium, refused=(401, 422)) as shown:
        sign_in(shown, served.url, served.key)
        yield shown


def see(page: Page, served: Jobs, name: str, view: str = "") -> None:
    ready(page, f"{served.url}/jobs/{served.ids[name]}{view}")


def view(page: Page, key: str) -> Locator:
    return page.locator(f"[data-view={key}]")


def shown_step(page: Page) -> int:
    found = re.search(r"step ([\d,]+)", page.locator(".stage-status").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def test_a_report_is_seen_within_two_seconds_without_a_reload(page: Page, served: Jobs) -> None:
    see(page, served, "live")
    page.evaluate("window.sameDocument = true")
    late = []
    for _ in range(3):
        before = read_json(served.directory("live").progress)["step"]
        wait_until(lambda since=before: read_json(served.directory("live").progress)["step"] > since)
        reported, began = read_json(served.directory("live").progress)["step"], time.monotonic()
        wait_until(lambda least=reported: shown_step(page) >= least)
        late.append(time.monotonic() - began)
    assert sorted(late)[1] < 2.0, late
    assert page.evaluate("window.sameDocument")


def test_polarization_goes_on_with_the_reports(page: Page, served: Jobs) -> None:
    see(page, served, "live")
    axis = page.locator("[data-view=gates] .chart canvas")
    expect(axis.first).to_be_visible()
    asked = "told => import('pages/job/data').then(({ withNewest }) => withNewest(...told))"
    measured = {"every": 1, "steps": [50], "low": [0], "entropy": [0.9]}
    progress = {"stage": "searching", "step": 100, "polarization": {"low": 0.5}}
    joined = {"every": 1, "steps": [50, 100], "low": [0, 0.5], "entropy": [0.9, 0.9]}
    assert page.evaluate(asked, [measured, progress]) == joined
    assert page.evaluate(asked, [joined, progress]) == joined


def test_a_finished_job_shows_all_its_views(served: Jobs, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        see(page, served, "first")
        expect(page.get_by_text("✓ guard passed", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("prune list 1")).first).to_have_attribute(
            "href", f"/models/{MODEL}/lists/1"
        )
        names = page.get_by_role("navigation", name="Views of this job").get_by_role("link").all_inner_texts()
        assert names == ["Outcome", "Gates", "Features", "Training", "Log", "Events", "Spec"]
        expect(view(page, "outcome").get_by_text("AUC", exact=True)).to_be_visible()
        shown = {
            "Gates": view(page, "gates").get_by_role("application"),
            "Features": view(page, "features").get_by_role("link", name=feature(3)["name"]),
            "Training": view(page, "training").get_by_role("cell", name="3,000").first,
            "Outcome": view(page, "outcome").get_by_role("row", name="Other 24.0 s"),
            "Log": view(page, "log").get_by_text("2 workers are up"),
            "Events": view(page, "events").get_by_role("cell", name="queued → starting"),
            "Spec": view(page, "spec").get_by_label("What differs from the defaults").get_by_text("/data/train"),
        }
        for name, content in shown.items():
            page.get_by_role("link", name=name, exact=True).click()
            expect(content).to_be_visible(timeout=15_000)
        expect(view(page, "gates")).to_be_hidden()
        changed = view(page, "spec").get_by_label("What differs from the defaults")
        expect(changed).to_contain_text('"train": "/data/train"')
        expect(changed).not_to_contain_text("batch_size")


def test_the_times_of_stages_do_not_overlap_and_add_up(page: Page, served: Jobs) -> None:
    ready(page, f"{served.url}/jobs")
    asked = "stages => import('views/stages').then(({ stageTimes }) => stageTimes(stages))"
    whole = {
        "starting": 12, "workers": 9, "searching": 150, "finetuning": 20.5, "validating": 3, "check": 3, "ray": 4,
        "total": 200,
    }  # fmt: skip
    assert page.evaluate(asked, whole) == [
        ["Validating the data", 3],
        ["Starting Ray", 4],
        ["Starting the workers", 9],
        ["Loading the data", 3],
        ["Searching", 150],
        ["Fine-tuning", 20.5],
        ["Other", 10.5],
        ["Total", 200],
    ]
    assert page.evaluate(asked, {"starting": 5, "workers": 2, "check": 1}) == [
        ["Validating the data", 1],
        ["Starting the workers", 2],
        ["Loading the data", 3],
        ["Total", 6],
    ]


@pytest.mark.parametrize(
    ("job", "now", "told"),
    [
        ({"progress": None}, "validating", "Validating the spec against the data"),
        ({"progress": {"stage": "searching", "step": 4}}, "starting", "Starting: the workers start and read the data"),
        ({"progress": {"stage": "validating", "step": 0}}, "validating", "Validating the spec against the data"),
        ({"progress": None, "dry_run": True}, "validating", "Validating the spec against the data"),
    ],
)
def test_a_job_that_starts_says_whether_it_validates(
    page: Page, served: Jobs, job: dict[str, Any], now: str, told: str
) -> None:
    ready(page, f"{served.url}/jobs")
    page.evaluate(
        """job => import('pages/job/stage').then(({ StageProgress }) => {
             document.body.replaceChildren();
             new StageProgress(document.body).update(job);
           })""",
        {"state": "starting", "dry_run": False, **job},
    )
    expect(page.get_by_role("status")).to_have_text(told)
    expect(page.locator("[aria-current=step]")).to_contain_text(now)


def test_charts_say_in_words_what_they_draw(page: Page, served: Jobs) -> None:
    path = f"/v1/jobs/{served.ids['first']}"
    measured = served.ask("GET", f"{path}/measures")
    results = served.ask("GET", f"{path}/results")
    kept = served.ask("GET", f"{path}/prune-list")["after"]["features"]
    see(page, served, "first", "#training")
    expect(view(page, "training").locator(".told").first).to_contain_text("task loss")
    losses = drawn(page, "Losses and penalty")
    last = {name: values[-1] for name, values in measured.items() if isinstance(values, list) and values}
    assert losses["told"] == (
        f"task loss {measured['loss'][0]:.4f} → {last['loss']:.4f}, held-out {last['held_out_loss']:.4f}, "
        f"penalty {last['penalty']:.4f}"
    )
    assert [(each["name"], each["dashes"]) for each in losses["series"]] == [
        ("task loss", "solid"),
        ("held-out loss", "dashed"),
        ("penalty (right)", "dotted"),
    ]
    assert losses["series"][0]["data"] == [list(pair) for pair in zip(measured["steps"], measured["loss"], strict=True)]
    assert [each["itemStyle"] for each in losses["legend"]] == [{"opacity": 0}] * 3
    assert drawn(page, "Throughput")["told"] == "20,480 rows/s"
    see(page, served, "first", "#outcome")
    expect(view(page, "outcome").locator(".told")).to_contain_text("logloss")
    loss = {point["features"]: point["logloss"] for point in results["curve"]}
    told = f"logloss {loss[kept]:.5f} with {kept} features, {loss[FEATURES]:.5f} with all {FEATURES}"
    assert drawn(page, "Quality along the ranking")["told"] == told
    see(page, served, "first", "#gates")
    expect(view(page, "gates").get_by_text("of gates closed")).to_be_visible()
    shares = drawn(page, "Shares of closed and open gates")
    parts = [f"{100 * last[name]:.0f} %" for name in ("low", "middle", "high")]
    assert shares["told"] == f"{parts[0]} of gates closed, {parts[1]} between, {parts[2]} open"
    assert shares["legend"] == [{"name": each["name"], "icon": "rect"} for each in shares["series"]]


def test_a_job_that_succeeded_leads_to_its_list_and_says_nothing_twice(page: Page, served: Jobs) -> None:
    see(page, served, "first")
    outcome = view(page, "outcome")
    links = page.get_by_role("link", name=re.compile("prune list 1"))
    expect(links).to_have_count(2)
    expect(outcome.get_by_role("link", name="Review prune list 1")).to_have_attribute(
        "href", f"/models/{MODEL}/lists/1"
    )
    expect(outcome.locator(".alert").first).to_contain_text("✓ Guard passed: AUC +0.00030 (limit −0.001)")
    text = page.get_by_role("main").inner_text()
    assert text.count("95% interval +") == 1
    reason = served.ask("GET", f"/v1/jobs/{served.ids['first']}")["reason"]
    assert reason not in text


def test_a_job_whose_list_was_not_proposed_says_why(page: Page, served: Jobs) -> None:
    """The second job decides as the first did, whose list still waits."""
    see(page, served, "second")
    told = page.get_by_text("No list is proposed: prune list 1 decides the same and is proposed.", exact=True)
    expect(told).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("prune list"))).to_have_count(0)


def test_a_job_of_a_selector_without_gates_says_nothing_of_gates_at_rest(page: Page, served: Jobs) -> None:
    tiles = view(page, "training").locator(".tiles dt")
    see(page, served, "first", "#training")
    expect(tiles.filter(has_text="converged")).to_have_count(2)
    results = served.ask("GET", f"/v1/jobs/{served.ids['first']}/results")
    page.route("**/results", lambda route: route.fulfill(json={**results, "rows_per_second": None, "converged": None}))
    page.reload()
    expect(tiles.filter(has_text="Attempts")).to_have_count(1)
    expect(tiles.filter(has_text=re.compile("converged|Gates"))).to_have_count(0)


def test_a_job_that_failed_says_why_and_what_to_do(page: Page, served: Jobs) -> None:
    see(page, served, "broken")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("/data/train has no column 'dwell'")
    expect(alert).to_contain_text("Put right what it names")
    alert.get_by_role("link", name="Open the log").click()
    expect(view(page, "log").get_by_text("step 500")).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    page.wait_for_url(lambda address: "/jobs/" in address and served.ids["broken"] not in address)
    expect(page.get_by_text("as a retry of")).to_be_visible()
    served.ask("POST", f"/v1/jobs/{page.url.rpartition('/')[2]}/cancel")


def test_a_job_is_cancelled_from_its_page(page: Page, served: Jobs) -> None:
    see(page, served, "live-cancelled")
    page.get_by_role("button", name="Cancel job").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("no prune list comes of it")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=20_000)
    expect(page.get_by_role("button", name="Cancel job")).to_have_count(0)
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_page_that_is_open_when_its_job_ends_does_not_say_that_it_is_disconnected(page: Page, served: Jobs) -> None:
    made = served.job("live-ending")
    ready(page, f"{served.url}/jobs/{made}")
    wait_until(lambda: served.ask("GET", f"/v1/jobs/{made}")["state"] == "searching", seconds=30)
    served.ask("POST", f"/v1/jobs/{made}/cancel")
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=20_000)
    page.wait_for_timeout(2000)  # the end of the stream comes after the end of the job
    expect(page.get_by_text("Not connected, trying again")).to_be_hidden()


def test_what_is_said_of_a_failed_read_is_taken_back_by_the_next_good_one(page: Page, served: Jobs) -> None:
    ready(page, f"{served.url}/jobs")
    said = """async () => {
      const { again } = await import("pages/refill");
      const { get } = await import("pages/api");
      const paths = ["/v1/jobs?limit=many", "/v1/jobs"];
      const load = again(async () => void (await get(paths.shift())));
      const told = () => document.getElementById("said").textContent;
      await load();
      const failed = told();
      await load();
      return [failed, told()];
    }"""
    failed, then = page.evaluate(said)
    assert "may be out of date" in failed
    assert then == ""


def test_a_clone_with_a_wrong_change_is_refused_at_the_field(page: Page, served: Jobs) -> None:
    see(page, served, "first")
    page.get_by_role("button", name="Clone").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Changes to the spec").fill("{training")
    dialog.get_by_role("button", name="Clone").click()
    expect(dialog.get_by_text("this is no JSON")).to_be_visible()
    dialog.get_by_label("Changes to the spec").fill('{"training": {"epochs": -1}}')
    dialog.get_by_role("button", name="Clone").click()
    expect(dialog.get_by_text(re.compile(r"epochs"))).to_be_visible()


def test_a_reader_is_offered_nothing_but_to_look(served: Jobs, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.make_key("reader", ["read"]))
        for name in ("live", "broken", "first"):
            see(page, served, name)
            for action in ("Cancel job", "Retry", "Clone"):
                expect(page.get_by_role("button", name=action)).to_have_count(0)
        ready(page, f"{served.url}/jobs")
        expect(page.get_by_role("button", name="New job")).to_have_count(0)


def test_a_job_in_the_queue_says_its_place_and_what_it_waits_for(page: Page, served: Jobs) -> None:
    made = [served.job("live-patient"), served.job("more-patient")]
    wait_until(lambda: served.ask("GET", f"/v1/jobs/{made[1]}")["state"] == "queued")
    ready(page, f"{served.url}/jobs/{made[1]}")
    expect(page.locator(".stage-status")).to_contain_text("in the queue")
    expect(page.locator(".stage-status")).to_contain_text("at most 2 run at once", timeout=20_000)
    expect(view(page, "gates")).to_contain_text("The job waits in the queue")
    for each in made:
        served.ask("POST", f"/v1/jobs/{each}/cancel")
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=20_000)


def test_a_job_that_waits_for_ray_says_so(page: Page, served: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.engine, "healthy", lambda: False)
    made = served.job("patient")
    ready(page, f"{served.url}/jobs/{made}")
    expect(page.locator(".stage-status")).to_contain_text(
        "Ray, which this service runs, doesn't answer", timeout=20_000
    )
    expect(page.locator(".stage-status")).not_to_contain_text("there is room")
    served.ask("POST", f"/v1/jobs/{made}/cancel")
    expect(page.locator("h1 .badge")).to_have_text("cancelled", timeout=20_000)


def test_a_dry_run_shows_what_its_check_found(page: Page, served: Jobs) -> None:
    see(page, served, "check")
    assert page.get_by_role("navigation", name="Views of this job").get_by_role("link").all_inner_texts() == [
        "Check",
        "Log",
        "Events",
        "Spec",
    ]
    expect(view(page, "check")).to_contain_text("ok")


def test_views_are_reached_by_keys(page: Page, served: Jobs) -> None:
    see(page, served, "first")
    link = page.get_by_role("link", name="Events", exact=True)
    for _ in range(40):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(view(page, "events").get_by_role("cell", name="queued → starting")).to_be_visible()
    expect(link).to_be_focused()
    assert page.url.endswith("#events")


def test_a_run_whose_files_are_gone_says_so(page: Page, served: Jobs) -> None:
    shutil.rmtree(served.directory("second").path)
    see(page, served, "second", "#gates")
    expect(view(page, "gates")).to_contain_text("The files of this run were deleted")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(view(page, "log")).to_contain_text("its files were deleted")


def test_a_sign_in_that_is_over_leads_back_here(page: Page, served: Jobs) -> None:
    see(page, served, "live", "#training")
    page.context.clear_cookies()
    page.wait_for_url(re.compile(r"/sign-in\?next="), timeout=20_000)
    page.get_by_label("API key").fill(served.key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(served.ids["live"]))
    expect(page.locator("h1")).to_contain_text("live")


def test_a_rank_that_is_silent_or_behind_is_said_in_words(page: Page, served: Jobs) -> None:
    ready(page, f"{served.url}/jobs")
    ranks: list[dict[str, Any]] = [
        {"step": 100, "reported_at": 1000}, {"step": 60, "reported_at": 960}, {"step": 20, "reported_at": 900},
        {"step": 90, "reported_at": 999},
    ]  # fmt: skip
    asked = (
        "ranks => import('pages/job/workers').then(({ health }) => ranks.map((rank) => health(rank, ranks, 1001)[0]))"
    )
    assert page.evaluate(asked, ranks) == [
        "reporting",
        "40 steps behind the others, which wait for it",
        "silent for 2 min; see the log",
        "reporting, a report behind",
    ]


def test_the_page_outlives_a_restart_of_the_service(chromium: Browser, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    process = home.process()
    page = chromium.new_context().new_page()
    try:
        spec = {**SPEC, "name": "alone", "features": [{"name": "age", "kind": "dense"}]}
        job = httpx.post(f"{home.url}/v1/jobs", json=spec, timeout=30).raise_for_status().json()
        path = f"{home.url}/v1/jobs/{job['id']}"
        wait_until(lambda: httpx.get(path).json()["state"] == "searching")
        ready(page, f"{home.url}/jobs/{job['id']}")
        expect(page.locator(".stage-status")).to_contain_text("step 120")
        expect(page.get_by_text("a job of a spec alone")).to_be_visible()
        process.kill()
        process.wait()
        expect(page.get_by_text("Not connected, trying again")).to_be_visible()
        (run,) = (tmp_path / "home").glob("**/progress.json")
        write_json(run, {**PROGRESS, "step": 240})
        process = home.process()
        expect(page.locator(".stage-status")).to_contain_text("step 240", timeout=30_000)
        expect(page.get_by_text("Not connected, trying again")).to_be_hidden()
    finally:
        page.context.close()
        process.kill()
        process.wait()


def test_jobs_are_found_by_state_and_compared(served: Jobs, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/jobs")
        expect(page.get_by_role("progressbar", name="Progress of live", exact=True)).to_be_visible()
        page.get_by_label("State").select_option("succeeded")
        page.wait_for_url("**/jobs?state=succeeded")
        expect(page.get_by_role("link", name="live", exact=True)).to_have_count(0)
        compare = page.get_by_role("button", name="Compare")
        expect(compare).to_be_disabled()
        for name in ("first", "second"):
            page.get_by_label(f"Compare {name}, {served.ids[name]}").check()
        compare.click()
        page.wait_for_url(f"**/compare?jobs={served.ids['first']},{served.ids['second']}")


def test_the_list_of_jobs_goes_on_by_itself(page: Page, served: Jobs) -> None:
    ready(page, f"{served.url}/jobs?model={MODEL}")
    made = served.job("live-sudden")
    expect(page.get_by_role("link", name="live-sudden", exact=True)).to_be_visible(timeout=10_000)
    served.ask("POST", f"/v1/jobs/{made}/cancel")
    row = page.get_by_role("row", name=re.compile("live-sudden"))
    expect(row).to_contain_text("cancelled", timeout=10_000)


def test_a_job_is_submitted_and_a_wrong_one_is_refused_in_the_form(page: Page, served: Jobs) -> None:
    ready(page, f"{served.url}/jobs")
    page.get_by_role("button", name="New job").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Changes to the model's spec").fill('{"training": {"epochs": "many"}}')
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_text(re.compile("epochs"))).to_be_visible()
    dialog.get_by_label("Changes to the model's spec").fill('{"name": "by-hand"}')
    dialog.get_by_label(re.compile("Dry run")).check()
    dialog.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/jobs/job-"))
    expect(page.locator("h1")).to_contain_text("by-hand")


def test_where_there_are_no_jobs_the_page_says_how_to_submit_one(chromium: Browser, tmp_path: Path) -> None:
    show = Showcase(tmp_path)
    with show.serving(), page_of(chromium) as page:
        sign_in(page, show.url, show.key)
        ready(page, f"{show.url}/jobs")
        expect(page.get_by_text(f"winnow submit spec.yaml --url {show.url}")).to_be_visible()
