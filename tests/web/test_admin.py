"""The pages for admins in a browser: keys, webhooks, the audit log; who may not see them; what is not lost."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from service.store import events
from tests.support.browser import findings, needs_browser, page_of, ready, sign_in, sign_in_by_form
from tests.support.receivers import Receiver, receiving
from tests.support.showcase import MODEL, Showcase

pytestmark = needs_browser
ALL_TEXT = """() => [
    document.documentElement.outerHTML,
    ...[...document.querySelectorAll("input, textarea")].map((each) => each.value),
    JSON.stringify({...localStorage, ...sessionStorage}), JSON.stringify(history.state), location.href,
].join(" ")"""
ASK = """async ([method, path, body]) => {
    const headers = {"Content-Type": "application/json"};
    return (await fetch(path, {method, headers, body: body && JSON.stringify(body)})).status;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("admin"))
    with show.serving():
        for model in (MODEL, "search-ranker"):
            show.ask("POST", "/v1/models", {"name": model, "owner": "ranking-team"})
        yield show


@pytest.fixture
def page(served: Showcase, chromium: Browser) -> Iterator[Page]:
    """An admin's; 401, 409, 412 and 422 are what tests provoke."""
    with page_of(chromium, refused=(401, 409, 412, 422)) as shown:
        sign_in(shown, served.url, served.key)
        yield shown


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def send(page: Page, name: str) -> None:
    """By the button of the open dialog."""
    dialog(page).get_by_role("button", name=name, exact=True).click()


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def secret_shown(page: Page) -> str:
    """The secret in the dialog, which is then closed, and with it gone from the page."""
    field = dialog(page).get_by_label("Secret", exact=True)
    expect(field).to_be_visible()
    secret = field.input_value()
    send(page, "I have it, close")
    expect(page.locator("dialog")).to_have_count(0)
    assert secret not in all_text(page)
    return secret


def all_text(page: Page) -> str:
    """Of the page, or of the one that it is on its way to."""
    try:
        return str(page.evaluate(ALL_TEXT))
    except PlaywrightError:
        page.wait_for_selector("main[data-ready]")
        return str(page.evaluate(ALL_TEXT))


def new_key(page: Page, name: str, *scopes: str, **fields: str) -> str:
    press(page, "New key")
    dialog(page).get_by_label("Name").fill(name)
    for scope in scopes:
        dialog(page).get_by_role("checkbox", name=f"{scope}:").check()
    for label, option in fields.items():
        dialog(page).get_by_label(label.replace("_", " "), exact=True).select_option(option)
    send(page, "Create key")
    return secret_shown(page)


def works(served: Showcase, key: str) -> bool:
    answer = httpx.get(f"{served.url}/v1/models", headers={"Authorization": f"Bearer {key}"}, trust_env=False)
    return answer.status_code == 200


def entries(served: Showcase, **filters: str) -> list[dict[str, Any]]:
    found = served.http.get("/v1/audit", params={"limit": 200, **filters}).json()["entries"]
    assert isinstance(found, list)
    return found


def test_a_key_is_made_used_and_revoked(served: Showcase, chromium: Browser, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    key = new_key(page, "nightly", "submit", Model=MODEL, Expires_in="30 days")
    assert re.fullmatch(r"wnw_[0-9a-f]{16}_.{43}", key)
    made = row(page, "nightly")
    for text in ("submit", MODEL, "active", "by ana", "never", "in 30 days"):
        expect(made).to_contain_text(text)

    with page_of(chromium, refused=(401, 403)) as other:
        sign_in_by_form(other, served.url, key)
        header = other.get_by_role("banner")
        expect(header).to_contain_text(f"nightly · submit · {MODEL} only")
        assert not {"Keys", "Webhooks", "Audit"} & set(header.get_by_role("link").all_inner_texts())
        for address in ("keys", "webhooks", "audit"):
            ready(other, f"{served.url}/{address}")
            expect(other.get_by_role("main")).to_contain_text("needs the scope admin")
            expect(other.get_by_role("main")).to_contain_text("“nightly” has only read and submit")
            assert other.get_by_role("main").get_by_role("button").count() == 0
            assert other.get_by_role("table").count() == 0
            assert other.evaluate(ASK, ["GET", f"/v1/{address}", None]) == 403
        assert other.evaluate(ASK, ["POST", "/v1/keys", {"name": "more", "scopes": ["read"]}]) == 403

        made.get_by_role("button", name="Revoke").click()
        expect(dialog(page)).to_contain_text("can't be taken back")
        send(page, "Revoke")
        expect(made).to_have_count(0)
        other.goto(f"{served.url}/keys")
        assert other.url == f"{served.url}/sign-in?next=%2Fkeys"
    page.get_by_label("Show revoked and expired keys").check()
    expect(made).to_contain_text("revoked")
    assert made.get_by_role("button").count() == 0


def test_a_rotated_key_has_two_secrets_for_a_while(served: Showcase, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    first = new_key(page, "pipeline", "read")
    row(page, "pipeline").get_by_role("button", name="Rotate").click()
    send(page, "Rotate")
    second = secret_shown(page)
    expect(row(page, "pipeline")).to_contain_text("rotated")
    assert works(served, first)
    assert works(served, second)
    row(page, "pipeline").get_by_role("button", name="Rotate").click()
    dialog(page).get_by_label("The present secret").select_option("ends at once")
    send(page, "Rotate")
    third = secret_shown(page)
    expect(row(page, "pipeline")).to_contain_text("active")
    assert [works(served, key) for key in (first, second, third)] == [False, False, True]


def test_what_is_wrong_with_a_key_is_said_at_its_field(served: Showcase, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    press(page, "New key")
    form = dialog(page)
    form.get_by_label("Name").fill("unfit")
    form.get_by_label("Expires in").select_option("on a date")
    form.get_by_label("Expires on").fill("2020-01-01T00:00")
    send(page, "Create key")
    expect(form.get_by_label("Expires on")).to_have_attribute("aria-invalid", "true")
    expect(form).to_contain_text("This has passed")
    form.get_by_label("Expires in").select_option("1 year")
    form.get_by_role("checkbox", name="read:").uncheck()
    send(page, "Create key")
    expect(form.get_by_role("group", name="Scopes").locator(".field-error")).to_contain_text("at least 1")
    expect(form.get_by_label("Name")).to_have_value("unfit")
    assert "unfit" not in served.http.get("/v1/keys").text


def test_the_reader_is_told_which_key_is_theirs(served: Showcase, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    own = page.get_by_role("row").filter(has=page.get_by_text("yours", exact=True))
    expect(own).to_have_count(1)
    expect(own).to_contain_text(served.key.split("_")[1])
    own.get_by_role("button", name="Revoke").click()
    expect(dialog(page)).to_contain_text("You are signed in with it")


def test_an_admin_of_one_model_sees_that_models(served: Showcase, chromium: Browser) -> None:
    key = served.make_key("search-admin", ["admin"], "search-ranker")
    with page_of(chromium) as page:
        sign_in_by_form(page, served.url, key)
        links = page.get_by_role("banner").get_by_role("link").all_inner_texts()
        assert {"Keys", "Webhooks"} <= set(links)
        assert "Audit" not in links
        ready(page, f"{served.url}/audit")
        expect(page.get_by_role("main")).to_contain_text("“search-admin” is for the model search-ranker")
        ready(page, f"{served.url}/keys")
        expect(page.get_by_role("row").filter(has_text="all models")).to_have_count(0)
        new_key(page, "search-serving", "read")
        expect(row(page, "search-serving")).to_contain_text("search-ranker")
        ready(page, f"{served.url}/webhooks")
        expect(page.get_by_role("heading", name="Webhooks of search-ranker")).to_be_visible()
        assert page.get_by_role("combobox").count() == 0


def new_webhook(page: Page, url: str) -> str:
    """Of all prune lists' events; its secret."""
    press(page, "New webhook")
    dialog(page).get_by_label("URL").fill(url)
    send(page, "Create webhook")
    secret = secret_shown(page)
    page.wait_for_url("**/webhooks?webhook=*")
    page.wait_for_selector("main[data-ready]")
    return secret


def test_a_webhook_is_made_tested_and_deleted(served: Showcase, page: Page, receiver: Receiver) -> None:
    ready(page, f"{served.url}/webhooks")
    page.get_by_label("For events of").select_option(MODEL)
    page.wait_for_url(f"**/webhooks?model={MODEL}")
    page.wait_for_selector("main[data-ready]")
    press(page, "New webhook")
    dialog(page).get_by_label("URL").fill("ftp://127.0.0.1/hook")
    send(page, "Create webhook")
    expect(dialog(page).get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    dialog(page).get_by_label("URL").fill(receiver.url())
    dialog(page).get_by_role("group", name="Jobs").get_by_role("checkbox", name="in another state").check()
    dialog(page).get_by_role("group", name="Prune lists").get_by_role("checkbox", name="approved").check()
    send(page, "Create webhook")
    assert secret_shown(page).startswith("whsec_")
    page.wait_for_url("**/webhooks?webhook=*")
    page.wait_for_selector("main[data-ready]")
    made = served.ask("GET", f"/v1/webhooks/{page.url.partition('=')[2]}")
    assert (made["model"], made["kinds"]) == (MODEL, ["prune_list.*", "job.state"])

    press(page, "Send a test")
    expect(row(page, "webhook.ping")).to_contain_text("delivered", timeout=15_000)
    expect(row(page, "webhook.ping")).to_contain_text("200 ok")
    assert [json.loads(got.body)["type"] for got in receiver.got] == ["webhook.ping"]
    page.get_by_role("button", name="Redeliver webhook.ping").click()
    expect(page.get_by_role("status").filter(has_text="sent again")).to_be_visible()
    expect(row(page, "webhook.ping")).to_contain_text("delivered", timeout=15_000)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1

    press(page, "Rotate secret")
    send(page, "Rotate")
    assert secret_shown(page).startswith("whsec_")
    expect(page.get_by_role("main")).to_contain_text("signs too until")
    press(page, "Delete")
    send(page, "Delete")
    page.wait_for_url(f"**/webhooks?model={MODEL}")
    expect(page.get_by_role("main")).to_contain_text(f"No webhook is for {MODEL} alone")


def test_why_a_webhook_is_disabled(served: Showcase, page: Page, receiver: Receiver) -> None:
    receiver.statuses = [500, 410]
    ready(page, f"{served.url}/webhooks")
    new_webhook(page, receiver.url(path="/gone"))
    press(page, "Send a test")
    ping = row(page, "webhook.ping")
    expect(ping).to_contain_text("pending", timeout=15_000)
    expect(ping).to_contain_text("500 ok")
    expect(ping).to_contain_text("in ")
    press(page, "Disable")
    send(page, "Disable")
    expect(row(page, "/gone")).to_contain_text("by hand")
    expect(ping).to_contain_text("the webhook was disabled")
    assert ping.get_by_role("button").count() == 0
    press(page, "Enable")
    page.get_by_role("button", name="Redeliver webhook.ping").click()
    expect(ping).to_contain_text("410", timeout=15_000)
    page.reload()
    expect(row(page, "/gone")).to_contain_text("by the service, as the receiver answered 410 Gone")
    expect(page.get_by_role("button", name="Enable")).to_be_visible()


def test_an_edit_of_what_somebody_changed_is_refused(served: Showcase, page: Page) -> None:
    made = served.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/one", "kinds": ["custom.kind", "job.*"]})
    ready(page, f"{served.url}/webhooks?webhook={made['id']}")
    press(page, "Edit")
    expect(dialog(page).get_by_label("Others")).to_have_value("custom.kind")
    served.ask("PATCH", f"/v1/webhooks/{made['id']}", {"url": "http://127.0.0.1:9/theirs"})
    dialog(page).get_by_label("URL").fill("http://127.0.0.1:9/mine")
    send(page, "Save")
    expect(dialog(page).get_by_role("alert")).to_contain_text("Somebody changed it")
    assert served.ask("GET", f"/v1/webhooks/{made['id']}")["url"].endswith("/theirs")
    send(page, "Cancel")
    ready(page, page.url)
    press(page, "Edit")
    dialog(page).get_by_label("URL").fill("http://127.0.0.1:9/mine")
    dialog(page).get_by_label("Events").select_option("all")
    send(page, "Save")
    expect(row(page, "/mine")).to_contain_text("all")
    assert served.ask("GET", f"/v1/webhooks/{made['id']}")["kinds"] == []


def test_every_kind_of_event_can_be_chosen(served: Showcase, page: Page) -> None:
    documented, prefix = set(), ""
    for name in re.findall(r"[a-z_]*\.[a-z_]+", " ".join(re.findall(r"^\| (.*?) \|", events.__doc__ or "", re.M))):
        prefix = name.partition(".")[0] or prefix
        documented.add(prefix + name[name.index(".") :])
    ready(page, f"{served.url}/webhooks")
    press(page, "New webhook")
    boxes = dialog(page).get_by_role("checkbox")
    offered = {str(box.get_attribute("value")) for box in boxes.all()}
    single = {kind for kind in offered if not kind.endswith(".*")}
    assert single == documented - {"webhook.ping"}
    assert {kind[:-1] for kind in offered - single} == {kind.partition(".")[0] + "." for kind in single} - {"webhook."}


def test_the_audit_log_tells_of_acts(served: Showcase, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    new_key(page, "audited", "approve")
    [made] = [key for key in served.ask("GET", "/v1/keys")["keys"] if key["name"] == "audited"]
    row(page, "audited").get_by_role("button", name="Revoke").click()
    send(page, "Revoke")
    expect(row(page, "audited")).to_have_count(0)
    page.get_by_role("link", name="Audit").click()
    page.wait_for_selector("main[data-ready]")
    newest = page.get_by_role("row").nth(1)
    for text in ("ana", "revoke key", f"key {made['id']}", "200 done"):
        expect(newest).to_contain_text(text)
    details = newest.get_by_role("button", name="Details")
    details.focus()
    page.keyboard.press("Enter")
    expect(details).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("row").nth(2)).to_contain_text(f"POST /v1/keys/{made['id']}/revoke")
    newest.get_by_role("link", name=f"key {made['id']}").click()
    page.wait_for_selector("main[data-ready]")
    expect(row(page, "audited")).to_contain_text("revoked")


def test_the_audit_log_by_filters_pages_and_as_csv(served: Showcase, page: Page) -> None:
    for number in range(60):
        served.ask("POST", "/v1/keys", {"name": f"=many{number}", "scopes": ["read"], "model": MODEL})
    reader = {"Authorization": f"Bearer {served.make_key('=reader', ['read'])}"}
    assert httpx.get(f"{served.url}/v1/audit", headers=reader, trust_env=False).status_code == 403
    ready(page, f"{served.url}/audit")
    page.get_by_label("Action").select_option("create key")
    page.get_by_label("Who").fill("ana")
    press(page, "Show")
    page.wait_for_url("**/audit?by=ana&operation=createKey")
    page.wait_for_selector("main[data-ready]")
    expect(page.get_by_text("50 entries; there are older ones")).to_be_visible()
    press(page, "Show older")
    total = len(entries(served, operation="createKey", by="ana"))
    expect(page.get_by_text(f"{total} entries", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Show older")).to_be_hidden()
    with page.expect_download() as saved:
        press(page, "Export CSV")
    rows = list(csv.DictReader(saved.value.path().read_text(encoding="utf-8").splitlines()))
    assert [each["request_id"] for each in rows] == [
        each["request_id"] for each in entries(served, operation="createKey", by="ana")
    ]

    page.get_by_label("Who").fill("")
    page.get_by_label("Action").select_option("any")
    page.get_by_label("Result").select_option("403")
    page.get_by_label("From").fill("2020-01-01T00:00")
    press(page, "Show")
    page.wait_for_url("**/audit?status=403&after=2020-01-01T*")
    page.wait_for_selector("main[data-ready]")
    expect(page.get_by_label("From")).to_have_value("2020-01-01T00:00")
    expect(row(page, "=reader")).to_contain_text("403 refused: not allowed")
    with page.expect_download() as saved:
        press(page, "Export CSV")
    assert "'=reader" in saved.value.path().read_text(encoding="utf-8")
    page.get_by_label("To").fill("2020-01-02T00:00")
    press(page, "Show")
    expect(page.get_by_role("main")).to_contain_text("No entry fits all filters")


def test_a_sign_in_that_is_over_leads_back(served: Showcase, page: Page) -> None:
    address = f"{served.url}/audit?by=ana&operation=createKey"
    page.goto("about:blank")  # the page that the sign-in led to would lead there again by itself
    page.context.clear_cookies()
    page.goto(address)
    page.get_by_label("API key").fill(served.key)
    press(page, "Sign in")
    page.wait_for_url(address)
    page.wait_for_selector("main[data-ready]")
    # The same where it ends while the page is looked at.
    ready(page, f"{served.url}/keys?key=none")
    page.context.clear_cookies()
    press(page, "New key")
    page.wait_for_url("**/sign-in?next=%2Fkeys%3Fkey%3Dnone")
    page.get_by_label("API key").fill(served.key)
    press(page, "Sign in")
    page.wait_for_url(f"{served.url}/keys?key=none")


def test_what_was_typed_outlives_a_sign_in(served: Showcase, page: Page) -> None:
    ready(page, f"{served.url}/keys")
    press(page, "New key")
    dialog(page).get_by_label("Name").press_sequentially("patient")
    page.context.clear_cookies()
    send(page, "Create key")
    expect(dialog(page).get_by_role("alert")).to_contain_text("what you typed stays")
    with page.expect_popup() as popup:
        dialog(page).get_by_role("link", name="Sign in in another tab").click()
    popup.value.get_by_label("API key").fill(served.key)
    popup.value.get_by_role("button", name="Sign in").click()
    popup.value.wait_for_url(f"{served.url}/")
    send(page, "Create key")
    secret_shown(page)
    expect(row(page, "patient")).to_contain_text("active")


def test_the_browser_asks_before_it_leaves_what_was_typed(served: Showcase, page: Page) -> None:
    asked = list[str]()

    def stay(box: Dialog) -> None:
        asked.append(box.type)
        box.dismiss()

    page.on("dialog", stay)
    ready(page, f"{served.url}/keys")
    press(page, "New key")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    press(page, "New key")
    dialog(page).get_by_label("Name").press_sequentially("half")
    page.evaluate("location.assign('/jobs')")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    expect(dialog(page).get_by_label("Name")).to_have_value("half")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_contain_text("press Escape again")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    ready(page, f"{served.url}/jobs")
    page.remove_listener("dialog", stay)
    assert asked == ["beforeunload"]


def test_dialogs_details_and_refusals_are_accessible(served: Showcase, chromium: Browser) -> None:
    made = served.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/axe", "kinds": ["prune_list.*"]})
    served.ask("POST", f"/v1/webhooks/{made['id']}/test")
    reader = served.make_key("reader", ["read"])
    refused = httpx.get(f"{served.url}/v1/audit", headers={"Authorization": f"Bearer {reader}"}, trust_env=False)
    assert refused.status_code == 403
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/keys")
        press(page, "New key")
        expect(dialog(page)).to_be_visible()
        assert findings(page) == []
        ready(page, f"{served.url}/webhooks?webhook={made['id']}")
        assert findings(page) == []
        ready(page, f"{served.url}/audit?status=403")
        page.get_by_role("button", name="Details").first.click()
        assert findings(page) == []
    with page_of(chromium) as page:
        sign_in(page, served.url, reader)
        ready(page, f"{served.url}/keys")
        assert findings(page) == []
