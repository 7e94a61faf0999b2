"""The command line against a whole service: profiles, every command's result, what errors say and how they end."""

from __future__ import annotations

import json
import re
import shlex
import stat
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from service.cli import login, profiles, stream, watch
from service.cli.parse import document, parse_assignments
from service.cli.profiles import Profile, Profiles
from service.cli.render import COLUMNS, Rows, show
from service.client import models
from tests.service.client.test_client import SPEC
from tests.support.managed import content
from tests.support.repository import ROOT
from tests.support.serving import PROGRESS, FolderEngine, Home, wait_until
from trainers.cli import app
from trainers.cli.output import Output
from trainers.spec import merge_patch

DATA = SPEC["dataset"]
LIST = content({"age": "keep", "noise": "prune"})
REFUSED = content({"age": "prune", "noise": "prune"}, passed=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("served"))
    with home.in_thread():
        yield home


@pytest.fixture
def home(served: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The service, and an environment that has no other."""
    served.go_on()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("WINNOW_PROFILE", "WINNOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WINNOW_URL", served.url)
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(stream, "EVERY_SECONDS", 0.05)
    return served


def winnow(*arguments: object, stdin: str = "", columns: int = 120) -> Result:
    return CliRunner().invoke(
        app, [str(each) for each in arguments], input=stdin, env={"COLUMNS": str(columns), "NO_COLOR": "1"}
    )


def said(*arguments: object, stdin: str = "") -> str:
    """What a command that succeeds says to people."""
    ended = winnow(*arguments, stdin=stdin)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def told(*arguments: object, code: int = 0, stdin: str = "") -> Any:
    """What a command tells machines."""
    ended = winnow(*arguments, "--json", stdin=stdin)
    assert ended.exit_code == code, ended.output
    assert "Traceback" not in ended.output
    return json.loads(ended.stdout)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    return path


def commands(group: click.Group, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, (*names, name))
        else:
            yield (*names, name)


@pytest.mark.parametrize("command", list(commands(typer.main.get_command(app))), ids=" ".join)  # type: ignore[arg-type]
def test_every_command_has_an_example_and_json(command: tuple[str, ...]) -> None:
    shown = said(*command, "--help")
    example = " ".join(shown.partition("Example")[2].split())
    assert f"winnow {' '.join(command)}" in example
    assert "--json" in shown


def test_columns_are_fields_of_what_is_listed() -> None:
    pages = [each for name, each in vars(models).items() if name.endswith("Page") or name == "Queue"]
    assert len(pages) > 10
    for page in pages:
        page.model_rebuild()
        name, field = next(each for each in page.model_fields.items() if str(each[1].annotation).startswith("list["))
        item = field.annotation.__args__[0]
        assert set(COLUMNS[name]) <= set(item.model_fields), name


def test_login_stores_a_profile_for_its_user_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.url in said("login", home.url, "--name", "prod", stdin="\n")
    assert stat.S_IMODE(profiles.path().stat().st_mode) == 0o600
    assert profiles.load() == Profiles("prod", {"prod": Profile(home.url, "")})
    monkeypatch.setenv("WINNOW_URL", "http://127.0.0.1:9")
    assert "state" in said("jobs", "--profile", "prod") or "no jobs" in said("jobs", "--profile", "prod")
    profiles.save(Profiles("prod", {"prod": Profile(home.url, 'wnw_"odd\\'), "other": Profile(home.url)}))
    assert profiles.load().profiles["prod"].key == 'wnw_"odd\\'
    listed = told("profiles", "--default", "other")["profiles"]
    assert [(each["name"], each["key"], each["default"]) for each in listed] == [
        ("other", None, True),
        ("prod", 'wnw_"odd…', False),
    ]
    said("logout", "--name", "other")
    assert profiles.load() == Profiles("", {"prod": Profile(home.url, 'wnw_"odd\\')})
    assert list(profiles.path().parent.iterdir()) == [profiles.path()]


def test_a_key_is_asked_for_without_echo(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "at_terminal", lambda: True)
    ended = winnow("login", home.url, "--name", "me", stdin="wnw_secret\n")
    assert ended.exit_code == 2
    assert "API key for me" in ended.stderr
    assert "wnw_secret" not in ended.output
    assert "doesn't take this key" in ended.stderr
    assert not profiles.path().exists()


def test_which_server_and_which_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WINNOW_URL")
    assert profiles.choose(None, None) == profiles.Place(profiles.LOCAL, "")
    profiles.save(Profiles("a", {"a": Profile("http://a", "ka"), "b": Profile("http://b")}))
    assert profiles.choose(None, None) == profiles.Place("http://a", "ka", "a")
    monkeypatch.setenv("WINNOW_API_KEY", "env")
    assert profiles.choose(None, None) == profiles.Place("http://a", "env", "a")
    assert profiles.choose("a", None) == profiles.Place("http://a", "ka", "a")
    assert profiles.choose("b", None) == profiles.Place("http://b", "env", "b")
    monkeypatch.setenv("WINNOW_URL", "http://u")
    assert profiles.choose(None, None) == profiles.Place("http://u", "env")
    monkeypatch.setenv("WINNOW_PROFILE", "b")
    assert profiles.choose(None, None) == profiles.Place("http://b", "env", "b")
    assert profiles.choose(None, "http://x") == profiles.Place("http://x", "env")
    with pytest.raises(ValueError, match="one of them"):
        profiles.choose("a", "http://x")
    with pytest.raises(ValueError, match="there is no 'c' \\(a, b\\); `winnow login"):
        profiles.choose("c", None)
    profiles.path().write_text("nonsense")
    assert "profiles.toml: no profiles" in winnow("profiles").stderr


def test_a_job_from_submission_to_its_end(home: Home, spec: Path) -> None:
    job = told("submit", spec, "--set", "training.epochs=2", "--priority", "5")["id"]
    assert job in said("jobs", "--state", "queued", "--state", "starting", "--state", "searching")
    wait_until(lambda: told("job", job)["state"] == "searching")
    found = told("job", job)
    assert (found["priority"], found["progress"]["step"], found["attempts"][0]["number"]) == (5, 120, 1)
    assert "120/800" in said("jobs")
    assert "searching, step 120" in said("logs", job)
    assert told("logs", job, "--tail", "1")["text"] == "searching, step 120\n"
    home.finish(LIST)
    watched = winnow("watch", job)
    assert watched.exit_code == 0, watched.output
    assert "succeeded" in watched.stdout
    assert "job.queued" in said("events", "--job", job)
    lines = winnow("events", "--job", job, "-f", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines][:1] == ["job.queued"]
    assert "no jobs" in said("queue")


def test_commands_say_that_jobs_wait_for_ray(home: Home, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(FolderEngine, "healthy", lambda _: False)
        job = told("submit", spec)["id"]
        for command in (["jobs"], ["job", job], ["queue"]):
            ended = winnow(*command)
            assert ended.exit_code == 0, ended.output
            assert "Ray, which this service runs, doesn't answer" in " ".join(ended.stderr.split()), command
            assert job in ended.stdout
        assert [each["id"] for each in told("queue")["jobs"]] == [job]
    wait_until(lambda: told("job", job)["state"] != "queued")
    assert "Ray" not in winnow("queue").stderr
    told("cancel", job)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("submit",), "It is cancelled where it hasn't ended"),
        (("clone",), "It is cancelled where it hasn't ended"),
        (("triggers", "change"), "A field of the trigger, such as enabled=false"),
    ],
)
def test_help_says_what_options_do(command: tuple[str, ...], shown: str) -> None:
    assert shown in " ".join(said(*command, "--help").replace("│", " ").split())


def test_sizes_have_all_their_digits() -> None:
    console = Console(file=StringIO(), width=200)
    show(console, {"totals": {"embedding_bytes": 13130000.0, "bytes_per_example": 1234567.5, "share": 0.123456}})
    assert isinstance(console.file, StringIO)
    assert "embedding_bytes=13130000 bytes_per_example=1234568 share=0.1235" in console.file.getvalue()


def test_logs_are_followed_to_the_end(home: Home, spec: Path) -> None:
    job = told("submit", spec)["id"]
    wait_until(lambda: told("logs", job)["text"])
    threading.Timer(0.3, lambda: home.finish(LIST)).start()
    assert said("logs", job, "-f") == "workers are up\nsearching, step 120\n"


@pytest.mark.parametrize(
    ("end", "code", "state"),
    [(LIST, 0, "succeeded"), (REFUSED, 3, "succeeded"), ({"failed": "label: 7 is neither 0 nor 1"}, 1, "failed")],
    ids=["succeeds", "refused by its guard", "fails"],
)
def test_waiting_ends_as_the_job_does(home: Home, spec: Path, end: Any, code: int, state: str) -> None:
    home.finish(end)
    job = told("submit", spec, "--wait", code=code)
    assert job["state"] == state
    if code == 1:
        assert "label: 7" in job["reason"]
        home.finish(LIST)
        again = told("retry", job["id"], "--wait")
        assert (again["origin"]["kind"], again["origin"]["id"]) == ("retry", job["id"])
        told("retry", again["id"], code=2)
        assert told("clone", again["id"], "--set", "training.seed=1")["origin"]["kind"] == "clone"


def test_who_stops_watching_stops_no_job(home: Home, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=interrupt))
    ended = winnow("submit", spec, "--wait")
    assert ended.exit_code == 130
    found = re.search(r"job (job-\w+) goes on", ended.stderr)
    assert found is not None
    assert not told("job", found[1])["cancel_requested"]


def test_a_reader_who_leaves_is_told_nothing() -> None:
    with pytest.raises(BrokenPipeError), Output(as_json=False):
        raise BrokenPipeError


def test_cancel(home: Home, spec: Path) -> None:
    job = told("submit", spec)["id"]
    assert told("cancel", job)["cancel_requested"]
    assert told("watch", job, code=1)["state"] == "cancelled"


def test_what_looks_wrong_in_proposals_is_told_though_they_are_registered_unseen(home: Home, tmp_path: Path) -> None:
    rows = pa.table({"user": [float(at) for at in range(99)], "label": [at % 2 for at in range(99)]})
    pq.write_table(rows.append_column("click", rows["label"]), tmp_path / "rows.parquet")
    told("models", "create", "inferred", "--owner", "team")
    ended = winnow(
        "features", "infer", "inferred", "--dataset", tmp_path / "rows.parquet", "--leave-out", "label", "--register"
    )
    assert ended.exit_code == 0, ended.output
    assert "user: whole numbers in a column of type double, proposed as a quantity" in ended.stderr.replace("\n", " ")
    assert "choose kind: categorical" in ended.stderr.replace("\n", " ")
    assert "click: predicts the label alone (AUC 1.000)" in ended.stderr


def test_a_model_and_its_list_through_their_lives(home: Home, tmp_path: Path) -> None:
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text(json.dumps({"dataset": DATA}))
    told("models", "create", "ranker", "--owner", "team", "--spec", defaults, "--set", "policy.four_eyes=false")
    assert told("models", "change", "ranker", "--set", "spec.training.epochs=2")["spec"]["training"] == {"epochs": 2}
    assert told("models", "change", "ranker", "--set", "spec.training=null")["spec"] == {"dataset": DATA}
    assert told("features", "add", "ranker", "age", "noise", "--kind", "dense")["registered"] == 2
    exported = tmp_path / "features.csv"
    said("features", "export", "ranker", "--output", exported)
    exported.write_bytes(exported.read_bytes().replace(b"age,", b"clip,").replace(b"noise,", b"blur,"))
    assert told("features", "import", "ranker", exported)["registered"] == 2
    told("features", "set-status", "ranker", "retired", "clip", "blur", "--reason", "a copy")
    assert "a copy" in said("features", "show", "ranker", "clip")
    assert told("features", "change", "ranker", "age", "--set", "tags=[user]")["tags"] == ["user"]
    listed = told("features", "list", "ranker", "--status", "candidate")["features"]
    assert [each["name"] for each in listed] == ["age", "noise"]
    home.finish(LIST)
    told("submit", "--model", "ranker", "--set", "training.seed=3", "--wait")
    (number,) = [each["number"] for each in told("prune-list", "list", "ranker")["prune_lists"]]
    assert told("prune-list", "show", "ranker", number)["content"] == LIST
    shown = said("prune-list", "show", "ranker", number)
    guard = LIST["guard"]
    for words in ("state +proposed", f"guard +{guard['verdict']}: {guard['reason']}", "kept +age", "pruned +noise"):
        assert re.search(words, shown), words
    assert told("prune-list", "show", "ranker", 99, code=2)["status"] == 404
    assert told("prune-list", "get", "ranker", code=2)["kind"] == "no-active-list"
    told("prune-list", "approve", "ranker", number, "--reason", "tried")
    told("prune-list", "activate", "ranker", number)
    assert told("prune-list", "get", "ranker") == LIST
    assert re.search(r"pruned +noise", said("prune-list", "get", "ranker"))
    for name, begin in (("list.csv", b"name,"), ("list.json", b"{"), ("list.arrow", b"\xff\xff\xff\xff")):
        told("prune-list", "get", "ranker", "--output", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert "in none of .json, .csv, .arrow" in told("prune-list", "get", "ranker", "-o", "x.txt", code=2)["error"]
    assert told("prune-list", "diff", "ranker", "active", number)["newly_pruned"] == []
    shown = said("prune-list", "diff", "ranker", "active", number)
    assert re.search(r"no longer served +none +\nnewly served +none +\n", shown), shown
    told("prune-list", "reject", "ranker", number, "--reason", "late", code=2)
    revision = told("prune-list", "revise", "ranker", number, "--keep", "noise", "--reason", "wanted")
    assert (revision["revision_of"], revision["state"]) == (number, "proposed")
    assert "--keep" in told("prune-list", "revise", "ranker", number, "--keep", "age", "--reason", "x", code=2)["error"]
    follow_up = told("prune-list", "follow-up", "ranker", revision["number"])["id"]
    told("watch", follow_up)
    assert told("prune-list", "rollback", "ranker", "--reason", "CTR fell")["active"] is None
    assert "ranker" in said("models", "list")
    told("models", "delete", "ranker")
    assert told("models", "show", "ranker", code=2)["status"] == 404


def test_triggers_and_schedules(home: Home) -> None:
    told("models", "create", "timed", "--owner", "team", "--set", f"spec.dataset={json.dumps(DATA)}")
    told("features", "add", "timed", "age", "--kind", "dense")
    made = told(
        "triggers", "create", "timed", "candidates", "--threshold", "5", "--cooldown", "1d", "--set", "dry_run=true"
    )
    assert (made["when"], made["cooldown_seconds"]) == ({"kind": "candidates", "threshold": 5}, 86400)
    place = ("timed", made["id"])
    assert not told("triggers", "explain", *place)["fires"]
    assert told("triggers", "explain", *place, "--suppose", "candidates=5")["fires"]
    assert told("triggers", "fire", *place)["fired"]
    assert "fired by local" in said("triggers", "evaluations", *place, "--fired")
    assert not told("triggers", "change", *place, "--set", "enabled=false")["enabled"]
    assert made["id"] in said("triggers", "list", "timed")
    told("triggers", "delete", *place)
    assert told("triggers", "show", *place, code=2)["status"] == 404
    assert told("models", "latency", "timed", "0.043")["p99_seconds"] == 0.043

    made = told("schedules", "create", "timed", "nightly", "0 3 * * *", "--timezone", "Europe/Berlin")
    place = ("timed", made["id"])
    assert len(told("schedules", "next", *place, "--count", "3")["times"]) == 3
    assert said("schedules", "next", *place).count("\n") == 5
    assert told("schedules", "pause", *place)["paused"]
    assert not told("schedules", "resume", *place, "--catch-up")["paused"]
    assert told("schedules", "run", *place)["origin"] == "manual"
    assert "manual" in said("schedules", "fires", *place)
    told("schedules", "change", *place, "--set", 'overrides.dataset.train="/data/{partition}"')
    assert told("schedules", "backfill", *place, "--partition", "a", "--partition", "b")["pending"] >= 1
    told("schedules", "cancel-backfill", *place)
    assert "nightly" in said("schedules", "list", "timed")
    told("schedules", "delete", *place)
    assert told("schedules", "show", *place, code=2)["status"] == 404


def test_webhooks_and_the_audit_log(home: Home) -> None:
    made = told("webhooks", "create", "http://127.0.0.1:9/hook", "--kind", "prune_list.*")
    assert made["secret"].startswith("whsec_")
    assert made["id"] in said("webhooks", "list")
    told("models", "create", "hooked", "--owner", "team")
    of_one = told("webhooks", "create", "http://127.0.0.1:9/of-one", "--model", "hooked")
    listed = told("webhooks", "list")
    assert {each["id"] for each in listed["webhooks"]} >= {made["id"], of_one["id"]}, "those of single models as well"
    of_model = told("webhooks", "list", "--model", "hooked")["webhooks"]
    assert [each["id"] for each in of_model] == [of_one["id"]]
    told("webhooks", "delete", of_one["id"])
    assert "secret" not in told("webhooks", "show", made["id"])
    assert told("webhooks", "rotate", made["id"], "--grace", "1h")["secret"] != made["secret"]
    assert told("webhooks", "test", made["id"])["kind"] == "webhook.ping"
    wait_until(lambda: told("webhooks", "deliveries", made["id"])["deliveries"])
    delivery = told("webhooks", "deliveries", made["id"])["deliveries"][0]
    # Nobody listens there, so that it is still to be sent, and isn't sent twice.
    assert told("webhooks", "redeliver", made["id"], delivery["id"], code=2)["kind"] == "delivery-pending"
    assert not told("webhooks", "disable", made["id"])["enabled"]
    assert told("webhooks", "enable", made["id"])["enabled"]
    told("webhooks", "delete", made["id"])
    assert told("webhooks", "show", made["id"], code=2)["status"] == 404
    assert "deleteWebhook" in said("audit", "--limit", "5")


def test_keys_over_rest(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Home(tmp_path / "own")
    with own.in_thread():
        admin = told("keys", "create", "--home", own.path, "--name", "me", "--scope", "admin")["key"]
        monkeypatch.setenv("WINNOW_URL", own.url)
        refused = told("jobs", code=2)
        assert (refused["status"], refused["kind"]) == (401, "key-missing")
        assert f"`winnow login {own.url} --name NAME`" in refused["error"]
        said("login", own.url, "--name", "own", stdin=f"{admin}\n")
        made = told("keys", "create", "--profile", "own", "--name", "ci", "--scope", "read", "--expires-in", "90d")
        monkeypatch.setenv("WINNOW_API_KEY", made["key"])
        assert told("jobs", "--url", own.url) == {"jobs": [], "next": None}
        assert told("submit", "--model", "x", code=2)["kind"] in {"scope-missing", "model-not-found"}
        assert told("keys", "list", "--url", own.url, code=2)["status"] == 403
        other = said("keys", "rotate", made["id"], "--profile", "own", "--grace", "1h").strip()
        assert other.startswith("wnw_")
        told("keys", "revoke", made["id"], "--profile", "own")
        assert told("jobs", "--url", own.url, code=2)["kind"] == "key-unknown"
        assert {each["name"] for each in told("keys", "list", "--profile", "own")["keys"]} == {"me", "ci"}


def test_errors_are_one_message_and_an_exit_code(home: Home, tmp_path: Path) -> None:
    away = told("jobs", "--url", "http://127.0.0.1:9", code=4)
    assert (away["exit_code"], away["status"], away["kind"]) == (4, 0, "unreachable")
    assert "no answer from http://127.0.0.1:9" in away["error"]
    assert told("job", "none", code=2)["kind"] == "job-not-found"
    assert "'nonsense'" in told("jobs", "--state", "nonsense", code=2)["error"]
    assert "is no address" in told("jobs", "--url", "localhost:1", code=2)["error"]
    assert "SPEC: missing" in told("submit", code=2)["error"]
    assert "missing.yaml: can't be read" in told("submit", tmp_path / "missing.yaml", code=2)["error"]
    assert "training: no KEY=VALUE" not in told("submit", "--model", "x", "--set", "training", code=2)["error"]
    conflict = winnow("login", home.url, "--name", "a b")
    assert (conflict.exit_code, "can't be a profile's" in conflict.stderr, conflict.stdout) == (2, True, "")


def test_options_become_what_the_api_takes(tmp_path: Path) -> None:
    assert parse_assignments(["a.b=2", "a.c=[x, y]", "d=null", "e=text", "f=a=b"]) == {
        "a": {"b": 2, "c": ["x", "y"]},
        "d": None,
        "e": "text",
        "f": "a=b",
    }
    for pairs in (["a"], ["=1"], ["a..b=1"], ["a=1", "a.b=2"], ["a=[1"]):
        with pytest.raises(ValueError, match="--set"):
            parse_assignments(pairs)
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None}, "d": 4}) == {"a": {"c": 2}, "d": 4}
    (tmp_path / "list.yaml").write_text("[1]")
    with pytest.raises(ValueError, match="no keys at its top"):
        document(tmp_path / "list.yaml")


JOB: dict[str, Any] = {
    "id": "job-5f0c2b7a9d1e4c3f8a6b",
    "name": "feed-ranker",
    "model": None,
    "state": "searching",
    "dry_run": False,
    "origin": {"kind": "request"},
    "submitted_by": "team",
    "priority": 0,
    "attempt": 2,
    "failures": 1,
    "max_failures": 3,
    "not_before": None,
    "deadline": None,
    "reason": None,
    "cancel_requested": False,
    "cancel_requested_at": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "started_at": None,
    "ended_at": None,
    "progress": PROGRESS,
}


@pytest.mark.parametrize("width", [80, 120])
def test_a_watched_job_shows_how_far_its_gates_have_parted(width: int) -> None:
    console = Console(file=StringIO(), width=width, height=30)
    with console.capture() as captured:
        console.print(watch.view(models.JobView.model_validate(JOB), console))
    shown = captured.get()
    assert all(len(line) <= width for line in shown.splitlines())
    assert len(shown.splitlines()) < 30
    assert "25% under 0.1, 50% between, 25% over 0.9" in shown
    assert "120/800 0:01:15 left" in shown
    assert "attempt 2" in shown
    assert re.search(r"1 feature_00 +1\.000", shown)
    assert re.search(r"40 feature_39 +0\.025", shown)
    assert "… 20 more" in shown
    assert "feature_15" not in shown


def test_a_watched_job_that_starts_says_that_it_validates_its_data() -> None:
    progress = {"state": "running", "stage": "validating", "step": 0, "total_steps": 0, "attempt": -1}
    for told, words in ((progress, "starting, validating the data"), ({**progress, "stage": "starting"}, "starting")):
        console = Console(file=StringIO(), width=120)
        with console.capture() as captured:
            job = models.JobView.model_validate({**JOB, "attempt": 1, "state": "starting", "progress": told})
            console.print(watch.view(job, console))
        assert captured.get().strip() == f"feed-ranker {job.id} {words}"


def test_reasons_have_a_line_each_and_short_values_share_one() -> None:
    out = StringIO()
    reasons = {"label": "the label of the model's spec", "user": "the group of the model's spec"}
    show(Console(file=out, width=80), {"left_out": reasons, "policy": {"kind": "cron", "seconds": 3}})
    assert [line.strip() for line in out.getvalue().splitlines()] == [
        "left out  label: the label of the model's spec",
        "user: the group of the model's spec",
        "policy    cron seconds=3",
    ]


def test_what_is_read_by_a_program_is_not_cut() -> None:
    rows = Rows("jobs", [{**JOB, "name": "n" * 300}], next=7)
    out = StringIO()
    show(Console(file=out, width=80), rows)
    assert "n" * 300 in out.getvalue()
    assert "--limit shows more" in out.getvalue()


REFERENCE = ROOT / "docs" / "reference"
# Whose first row names what later lines speak of.
NAMED = {
    "prune-list list": "LIST",
    "triggers list": "TRIGGER",
    "schedules create": "SCHEDULE",
    "webhooks create": "WEBHOOK",
}
SKIPPED = ("login", "keys")  # need a server with keys; tested above


def test_the_examples_of_the_documentation_work(
    home: Home, tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(spec.read_text())
    (tmp_path / "defaults.yaml").write_text(json.dumps({"dataset": DATA}))
    (tmp_path / "features.csv").write_text("name,kind\nnoise,dense\n")
    home.finish(LIST)
    known = {"JOB": told("submit", spec, "--wait")["id"]}
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", (REFERENCE / "cli.md").read_text(encoding="utf-8"), re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) > 30
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        if words[0] in SKIPPED or "--dry-run" in words:
            continue
        shown = said(*(known.get(word.removeprefix("$"), word) for word in words))
        name = NAMED.get(" ".join(words[:2]))
        if name is not None:
            known[name] = next(
                word for word in shown.split() if re.fullmatch(r"\d+|(trigger|schedule|webhook)-\w+", word)
            )
    assert known.keys() == {"JOB", *NAMED.values()}


def test_the_python_examples_of_the_documentation_work(
    home: Home, tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(spec.read_text())
    home.finish(LIST)
    for block in re.findall(
        r"```python\n(.*?)```", (REFERENCE / "python-client.md").read_text(encoding="utf-8"), re.DOTALL
    ):
        exec(block.replace('"http://127.0.0.1:8080", key="wnw_…"', ""), {})  # noqa: S102 (our own page)
    shown = capsys.readouterr().out
    assert "job.queued" in shown
    assert str(LIST["after"]) in shown
    assert "404 no-active-list" in shown
    assert "zip 16" in shown
