"""Webhooks: real deliveries to a real server, signed, retried, and never to addresses that aren't public."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier

from service.app import create_app
from service.settings import Settings
from service.store import events, models
from service.store import webhooks as store
from service.store.tables import Delivery, Event, Model
from service.webhooks.delivery import Deliverer
from service.webhooks.targets import SPECIAL, TargetRefusedError, check_url, is_public
from tests.support.automatic import NoEngine
from tests.support.databases import sqlite
from tests.support.receivers import Receiver, receiving


class Plane:
    """A service, its clock, and the loop that delivers."""

    def __init__(self, home: Path, url: str, **changes: Any) -> None:
        allowed = {"webhook_allow_private": True, "webhook_allow_http": True, **changes}
        self.settings = Settings(home=home, database_url=url, **allowed)
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.app = create_app(self.settings, NoEngine(), open_to_local=True, now=lambda: self.at)
        self.sessions = self.app.state.sessions
        self.http = TestClient(self.app)
        self.loop = self.deliverer()
        with self.sessions.begin() as session:
            session.add_all(_model(name, self.at) for name in ("feed", "search"))

    def deliverer(self, **changes: Any) -> Deliverer:
        return Deliverer(self.sessions, self.settings, lambda: self.at, **changes)

    def happens(self, kind: str, data: dict[str, Any] | None = None, model: str | None = "feed") -> None:
        with self.sessions.begin() as session:
            events.record(session, kind, data or {}, self.at, model=model)

    def hook(self, url: str, path: str = "/v1/models/feed/webhooks", **settings: Any) -> dict[str, Any]:
        made = self.http.post(path, json={"url": url, **settings})
        assert made.status_code == 201, made.text
        return dict(made.json())

    def deliveries(self, hook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        answer = self.http.get(f"/v1/webhooks/{hook['id']}/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["deliveries"])


def _model(name: str, at: datetime) -> Model:
    empty: dict[str, Any] = {"spec": {}, "policy": {}, "retention": {}}
    return Model(name=name, owner="team", description="", created_at=at, updated_at=at, **empty)


@pytest.fixture
def either(tmp_path: Path, url: str) -> Iterator[Plane]:
    """On SQLite, and on PostgreSQL."""
    made = Plane(tmp_path, url)
    yield made
    made.http.close()
    made.sessions.kw["bind"].dispose()


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    """On SQLite."""
    made = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}")
    yield made
    made.http.close()
    made.sessions.kw["bind"].dispose()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_an_event_is_delivered_and_verifies(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url())
    plane.happens("prune_list.active", {"list": "ünïcode"})
    assert plane.loop.step() == 1
    [got] = receiver.got
    said = Verifier(hook["secret"]).verify(got.body, got.headers)
    assert (said["type"], said["data"], said["model"]) == ("prune_list.active", {"list": "ünïcode"}, "feed")
    assert datetime.fromisoformat(said["timestamp"]) == plane.at
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    [sent] = plane.deliveries(hook)
    assert (sent["id"], sent["state"], sent["status"], sent["tries"], sent["answer"], sent["kind"]) == (
        got.headers["webhook-id"], "delivered", 200, 1, "ok", "prune_list.active",
    )  # fmt: skip
    assert plane.loop.step() == 0
    assert len(receiver.got) == 1


def test_only_what_was_asked_for_is_delivered(either: Plane, receiver: Receiver) -> None:
    either.happens("job.state")  # before there was a webhook
    either.hook(receiver.url(path="/lists"), kinds=["prune_list.*"])
    either.hook(receiver.url(path="/feed"))
    either.hook(receiver.url(path="/all"), path="/v1/webhooks", kinds=["job.state", "prune_list.active"])
    either.happens("prune_list.active")
    either.happens("prune_list.active", model="search")
    either.happens("job.state", model=None)
    either.happens("feature.status")
    either.loop.step()
    came = sorted((got.path, json.loads(got.body)["type"], json.loads(got.body)["model"]) for got in receiver.got)
    assert came == [
        ("/all", "job.state", None),
        ("/all", "prune_list.active", "feed"),
        ("/all", "prune_list.active", "search"),
        ("/feed", "feature.status", "feed"),
        ("/feed", "prune_list.active", "feed"),
        ("/lists", "prune_list.active", "feed"),
    ]


def test_many_events_are_queued_page_by_page(
    either: Plane, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE", 7)
    hook = either.hook(receiver.url())
    for number in range(20):
        either.happens("job.state", {"n": number})
    either.loop.step()
    assert sorted(json.loads(got.body)["data"]["n"] for got in receiver.got) == list(range(20))
    page, seen, query = 0, [], {"limit": 6}
    while True:
        answer = either.http.get(f"/v1/webhooks/{hook['id']}/deliveries", params=query).json()
        seen += [each["event"] for each in answer["deliveries"]]
        page += 1
        if answer["next"] is None:
            break
        query = {"limit": 6, "cursor": answer["next"]}
    assert (page, len(seen), seen) == (4, 20, sorted(seen, reverse=True))


def test_a_failure_is_retried_under_the_same_id_ever_later(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url())
    receiver.statuses = [500, 302, 404, 200]
    receiver.headers = {"Location": receiver.url(path="/elsewhere")}
    plane.happens("job.state")
    pauses = []
    for _ in range(4):
        began = plane.at
        assert plane.loop.step() == 1
        assert plane.loop.step() == 0  # not before its time
        [sent] = plane.deliveries(hook)
        if sent["next_at"]:
            pauses.append((datetime.fromisoformat(sent["next_at"]) - began).total_seconds())
            plane.at = datetime.fromisoformat(sent["next_at"])
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 4
    assert [got.path for got in receiver.got] == ["/hook"] * 4  # a redirect is a failure, and isn't followed
    assert (sent["state"], sent["tries"]) == ("delivered", 4)
    for number, pause in enumerate(pauses, start=1):
        assert store.pause(number).total_seconds() * 0.5 <= pause <= store.pause(number).total_seconds()


def test_pauses_grow_from_seconds_to_a_day() -> None:
    pauses = [store.pause(tries).total_seconds() for tries in range(1, store.TRIES)]
    assert pauses[0] == 5
    assert pauses[-1] == pytest.approx(24 * 3600)
    assert pauses == sorted(pauses)


def test_tries_end_and_a_delivery_can_be_made_again(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url())
    receiver.statuses = [503] * store.TRIES + [200]
    plane.happens("job.state")
    for _ in range(store.TRIES):
        plane.loop.step()
        plane.at += timedelta(hours=25) if len(receiver.got) == store.TRIES - 1 else store.pause(len(receiver.got))
    [failed] = plane.deliveries(hook, state="failed")
    assert (failed["tries"], failed["next_at"]) == (store.TRIES, None)
    again = f"/v1/webhooks/{hook['id']}/deliveries/{failed['id']}/redeliver"
    assert plane.http.post(again).status_code == 202
    assert plane.http.post(again).status_code == 409  # it is on its way
    plane.loop.step()
    [sent] = plane.deliveries(hook)
    assert (sent["state"], sent["tries"], sent["id"]) == ("delivered", 1, failed["id"])


def test_gone_disables_at_once(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    receiver.statuses = [410]
    either.happens("job.state")
    either.loop.step()
    assert either.http.get(f"/v1/webhooks/{hook['id']}").json()["enabled"] is False
    with either.sessions() as session:
        [told] = events.after(session, 0, 100, kinds=["webhook.disabled"])
        assert (told.model, told.data["webhook"]) == ("feed", hook["id"])
    either.happens("job.state")
    assert either.loop.step() == 0
    assert either.http.post(f"/v1/webhooks/{hook['id']}/test").status_code == 409
    assert either.http.patch(f"/v1/webhooks/{hook['id']}", json={"enabled": True}).json()["version"] == 3
    receiver.statuses = [200]
    assert either.loop.step() == 0  # what happened meanwhile isn't sent
    either.happens("job.state")
    assert either.loop.step() == 1


def test_a_webhook_that_only_fails_is_disabled_after_days(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    receiver.statuses = [200, 500]
    either.happens("job.state")
    either.loop.step()
    days = []
    for day in range(7):
        either.happens("job.state")
        either.loop.step()
        if not either.http.get(f"/v1/webhooks/{hook['id']}").json()["enabled"]:
            days.append(day)
        either.at += timedelta(days=1)
    assert days == [5, 6]
    assert {each["state"] for each in either.deliveries(hook)} == {"delivered", "failed"}
    either.http.patch(f"/v1/webhooks/{hook['id']}", json={"enabled": True})
    either.happens("job.state")
    either.loop.step()
    assert either.http.get(f"/v1/webhooks/{hook['id']}").json()["enabled"] is True  # it starts afresh


def test_one_good_delivery_shows_that_a_receiver_lives(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url())
    receiver.statuses = [500, 500, 200] * 20
    for _ in range(12):
        plane.happens("job.state")
        plane.loop.step()
        plane.at += timedelta(days=1)
    assert plane.http.get(f"/v1/webhooks/{hook['id']}").json()["enabled"] is True


def test_a_test_goes_to_one_webhook_alone(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url(path="/tested"), kinds=["prune_list.*"])
    plane.hook(receiver.url(path="/other"))
    plane.hook(receiver.url(path="/other"), path="/v1/webhooks")
    assert plane.http.post(f"/v1/webhooks/{hook['id']}/test").status_code == 202
    plane.loop.step()
    assert [(got.path, json.loads(got.body)["type"]) for got in receiver.got] == [("/tested", "webhook.ping")]


def test_secrets_change_over(plane: Plane, receiver: Receiver) -> None:
    hook = plane.hook(receiver.url())
    assert "secret" not in plane.http.get(f"/v1/webhooks/{hook['id']}").json()
    rotated = plane.http.post(f"/v1/webhooks/{hook['id']}/rotate", json={"grace_seconds": 60}).json()
    plane.happens("job.state")
    plane.loop.step()
    for secret in (hook["secret"], rotated["secret"]):
        assert Verifier(secret).verify(receiver.got[0].body, receiver.got[0].headers)
    plane.at += timedelta(seconds=61)
    plane.happens("job.state")
    plane.loop.step()
    assert len(receiver.got[1].headers["webhook-signature"].split()) == 1
    assert Verifier(rotated["secret"]).verify(receiver.got[1].body, receiver.got[1].headers)


def test_two_replicas_send_each_delivery_once(either: Plane, receiver: Receiver) -> None:
    either.hook(receiver.url())
    either.hook(receiver.url(), path="/v1/webhooks")
    for number in range(20):
        either.happens("job.state", {"n": number})
    receiver.delay_seconds = 0.01
    loops = [either.deliverer() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        tries = list(pool.map(lambda loop: loop.step(), loops))
    assert sum(tries) == len(receiver.got) == 40
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 40


def test_names_are_resolved_on_other_threads_than_the_store_is_used_on(plane: Plane, receiver: Receiver) -> None:
    """A try that waited for a thread while the store is busy would count against the receiver."""
    threads: dict[str, set[str]] = {"names": set(), "store": set()}

    async def resolver(host: str, port: int) -> list[str]:
        name = await asyncio.to_thread(lambda: threading.current_thread().name)  # as the system's resolver does
        threads["names"].add(name)
        return [host]

    plane.loop = plane.deliverer(resolver=resolver)
    due, note = plane.loop._due, plane.loop._note

    def on_its_thread(use: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            threads["store"].add(threading.current_thread().name)
            return use(*given)

        return called

    plane.loop._due, plane.loop._note = on_its_thread(due), on_its_thread(note)  # type: ignore[method-assign]
    plane.hook(receiver.url())
    for _ in range(3):
        plane.happens("job.state")
    assert plane.loop.step() == len(receiver.got) == 3
    assert threads["names"]
    assert threads["store"]
    assert threads["names"].isdisjoint(threads["store"])


def test_what_a_dead_replica_sent_is_sent_again_under_its_id(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    either.happens("job.state")
    dying = either.deliverer()
    dying._note = lambda *_: None  # type: ignore[method-assign]  # it dies before it writes down what came of it
    assert dying.step() == 1
    assert either.loop.step() == 0  # it may still be at it
    either.at += timedelta(seconds=61)
    assert either.loop.step() == 1
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]
    assert either.deliveries(hook)[0]["state"] == "delivered"


def test_a_late_replica_changes_nothing(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    either.happens("job.state")
    late = either.deliverer()
    note, kept = late._note, []
    late._note = lambda *given: kept.append(given)  # type: ignore[assignment, func-returns-value]
    receiver.statuses = [500, 200]
    late.step()
    either.at += timedelta(seconds=61)
    either.loop.step()
    note(*kept[0])
    assert (either.deliveries(hook)[0]["state"], either.deliveries(hook)[0]["tries"]) == ("delivered", 1)


def test_no_more_than_the_limit_at_a_time_and_half_for_one(tmp_path: Path, receiver: Receiver) -> None:
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}", webhook_parallel=4)
    plane.hook(receiver.url(path="/slow"))
    receiver.delay_seconds = 0.15
    for _ in range(6):
        plane.happens("job.state")
    plane.loop.step()
    assert receiver.most_together == 2  # the other half is for others
    plane.hook(receiver.url(path="/second"))
    plane.hook(receiver.url(path="/third"))
    for _ in range(6):
        plane.happens("job.state")
    plane.loop.step()
    assert receiver.most_together == 4


@pytest.mark.parametrize("hangs", ["silence", "drip"])
def test_a_receiver_has_one_time_limit_for_all(tmp_path: Path, receiver: Receiver, hangs: str) -> None:
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}")
    hook = plane.hook(receiver.url())
    plane.loop = plane.deliverer(timeout_seconds=1.0)
    if hangs == "silence":
        receiver.delay_seconds = 1.6
    else:
        receiver.drip_seconds, receiver.answer = 0.3, b"0123456789"
    plane.happens("job.state")
    plane.loop.step()
    [sent] = plane.deliveries(hook)
    assert (sent["state"], sent["status"], sent["answer"]) == ("pending", None, "no answer within 1 s")


def test_answers_are_cut_and_cleaned(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    receiver.answer = b"\0\xff" + b"x" * 10_000
    either.happens("job.state")
    either.loop.step()
    [sent] = either.deliveries(hook)
    assert sent["answer"].startswith("�xxx")
    assert len(sent["answer"]) <= 500


def test_nobody_there_is_a_failure(plane: Plane) -> None:
    hook = plane.hook("http://127.0.0.1:1/")
    plane.happens("job.state")
    plane.loop.step()
    [sent] = plane.deliveries(hook)
    assert (sent["state"], sent["status"]) == ("pending", None)
    assert "ConnectError" in sent["answer"]


def test_an_event_that_is_gone_fails_for_good(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    either.happens("job.state")
    with either.sessions.begin() as session:
        store.queue(session, either.at)
        for event in session.query(Event).all():
            session.delete(event)
    either.loop.step()
    [sent] = either.deliveries(hook)
    assert (sent["state"], sent["answer"], sent["kind"], receiver.got) == (
        "failed", "the event is no longer kept", None, [],
    )  # fmt: skip


# Where deliveries may go.

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1",
    "2002:7f00:1::1", "2001:0:1::1", "100::1", "not an address",
]  # fmt: skip
LITERALS = ["2130706433", "0x7f000001", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "10.1", "0"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_public_means_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not any(address in network for network in SPECIAL)


@pytest.mark.parametrize("host", [*LITERALS, "127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "192.168.0.1"])
def test_private_targets_are_refused_when_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(TargetRefusedError, match="WEBHOOK_ALLOW_PRIVATE"):
        check_url(f"https://{host}/hook", Settings(home=tmp_path))
    check_url(f"https://{host}/hook", Settings(home=tmp_path, webhook_allow_private=True))


@pytest.mark.parametrize(
    "target",
    [
        "http://example.com/", "ftp://example.com/", "https://", "example.com", "https://user:pass@example.com/",
        "https://example.com/#part", "https://example.com:0/", "https://example.com:99999/", "https://[::1/", "",
        "https://example.com/a b", "https://example.com/\n", "file:///etc/passwd", "https://" + "a" * 3000,
        "//example.com/", "https://ex\0ample.com/", "https://\ud800/", "https://0177.0.0.1/", "https://例\u2028え.com/",
    ],
)  # fmt: skip
def test_what_is_no_target(tmp_path: Path, target: str) -> None:
    with pytest.raises(TargetRefusedError):
        check_url(target, Settings(home=tmp_path))


@pytest.mark.parametrize("target", ["https://127.0.0.1/", "https://\ud800/", "http://example.com/", "x" * 3000])
def test_what_is_no_target_is_no_field(tmp_path: Path, target: str) -> None:
    strict = {"webhook_allow_private": False, "webhook_allow_http": False}
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}", **strict)
    json_type = {"Content-Type": "application/json"}
    for path in ("/v1/webhooks", "/v1/models/feed/webhooks"):
        answer = plane.http.post(path, content=json.dumps({"url": target}), headers=json_type)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")


def strict(tmp_path: Path, receiver: Receiver, answers: list[list[str]]) -> tuple[Plane, list[str]]:
    """A service that allows public targets only; its resolver gives `answers` in order, and notes the names."""
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}", webhook_allow_private=False)
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    plane.loop = plane.deliverer(resolver=resolver)
    plane.hook(receiver.url("rebinding.example"))
    plane.happens("job.state")
    return plane, asked


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["::1"]], ids=str
)
def test_a_name_that_resolves_to_a_private_address_is_refused(
    tmp_path: Path, receiver: Receiver, addresses: list[str]
) -> None:
    plane, _ = strict(tmp_path, receiver, [addresses])
    plane.loop.step()
    with plane.sessions() as session:
        [sent] = session.query(Delivery).all()
    assert sent.status is None
    assert "isn't public" in str(sent.answer)
    assert receiver.got == []


def test_a_name_is_resolved_once_and_that_address_is_connected_to(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is checked and private a moment later has no moment in between."""
    plane, asked = strict(tmp_path, receiver, [["8.8.8.8"], ["127.0.0.1"]])
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise OSError("no way there from a test")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    plane.loop.step()
    assert (asked, connected, receiver.got) == (["rebinding.example"], ["8.8.8.8"], [])


def test_the_name_stays_in_host_when_an_address_is_connected_to(tmp_path: Path, receiver: Receiver) -> None:
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}")

    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]  # the first has no listener

    plane.loop = plane.deliverer(resolver=resolver)
    plane.hook(receiver.url("hooks.example"))
    plane.happens("job.state")
    plane.loop.step()
    assert receiver.got[0].headers["host"] == f"hooks.example:{receiver.port}"


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for `name`, and a client's that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(("named", "good"), [("hooks.example", True), ("other.example", False)])
def test_tls_goes_by_the_name(tmp_path: Path, named: str, good: bool) -> None:
    server, client = certificate(tmp_path, "hooks.example")
    names: list[str | None] = []
    server.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[func-returns-value]
    plane = Plane(tmp_path, f"sqlite:///{sqlite(tmp_path)}")

    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with receiving(server) as receiver:
        plane.loop = plane.deliverer(resolver=resolver, tls=client)
        hook = plane.hook(receiver.url(named, scheme="https"))
        plane.happens("job.state")
        plane.loop.step()
        assert len(receiver.got) == good
    assert names == [named]
    assert plane.deliveries(hook)[0]["state"] == ("delivered" if good else "pending")


# Changing them.


def test_a_webhook_is_changed_from_what_it_is(plane: Plane) -> None:
    hook = plane.hook("https://example.com/a")
    at = f"/v1/webhooks/{hook['id']}"
    tag = plane.http.get(at).headers["ETag"]
    changed = plane.http.patch(at, json={"kinds": ["job.*"]}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["kinds"], changed.json()["url"]) == (
        200, ["job.*"], "https://example.com/a",
    )  # fmt: skip
    assert plane.http.patch(at, json={"enabled": False}, headers={"If-Match": tag}).status_code == 412
    assert plane.http.delete(at, headers={"If-Match": tag}).status_code == 412
    assert plane.http.patch(at, json={"url": "https://u:p@example.com/"}).status_code == 422
    assert plane.http.patch(at, json={"secret": "mine"}).status_code == 422
    assert plane.http.delete(at, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    assert plane.http.get(at).status_code == 404


def test_lists_are_of_a_model_or_of_all(plane: Plane) -> None:
    for_feed = [plane.hook("https://example.com/a")["id"] for _ in range(3)]
    for_all = plane.hook("https://example.com/b", path="/v1/webhooks")["id"]
    listed = plane.http.get("/v1/models/feed/webhooks", params={"limit": 2}).json()
    rest = plane.http.get("/v1/models/feed/webhooks", params={"limit": 2, "cursor": listed["next"]}).json()
    assert [each["id"] for each in listed["webhooks"] + rest["webhooks"]] == for_feed[::-1]
    assert rest["next"] is None
    assert [each["id"] for each in plane.http.get("/v1/webhooks").json()["webhooks"]] == [for_all]
    assert plane.http.get("/v1/models/search/webhooks").json() == {"webhooks": [], "next": None}
    assert plane.http.get("/v1/models/none/webhooks").status_code == 404


def test_a_models_webhooks_go_with_it(either: Plane, receiver: Receiver) -> None:
    hook = either.hook(receiver.url())
    either.happens("job.state")
    with either.sessions.begin() as session:
        store.queue(session, either.at)
        found = models.find(session, "feed")
        assert found is not None
        models.delete(session, found, either.at)
    assert either.http.get(f"/v1/webhooks/{hook['id']}").status_code == 404
    assert either.loop.step() == 0
