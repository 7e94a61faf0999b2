"""A model's settings: seen, changed, and given when the model is made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import needs_browser, page_of, ready, sign_in
from tests.support.showcase import SPEC, Showcase
from trainers.spec import BACKBONES

pytestmark = needs_browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("settings"))
    with show.serving():
        show.ask("POST", "/v1/models", {"name": "ranker", "owner": "team", "spec": SPEC})
        yield show


def test_settings_are_seen_and_edited(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium, refused=(422,)) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/models/ranker/settings")
        expect(page.get_by_role("region", name="Spec of its jobs")).to_contain_text('"threshold": 0.5')
        facts = page.get_by_role("region", name="Settings", exact=True)
        expect(facts).to_contain_text("90 days (the service's), and always the last 10")
        expect(facts).not_to_contain_text("for ever")
        page.get_by_role("button", name="Edit settings").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Group column").fill("user_id")
        dialog.get_by_label("Epochs").fill("3")
        dialog.get_by_label("Keep events for").fill("30")
        backbone = dialog.get_by_label("Backbone")
        assert sorted(backbone.locator("option").all_inner_texts()) == sorted(BACKBONES)
        expect(backbone).to_have_value("wide_deep")
        backbone.select_option("dcnv2")
        dialog.get_by_label("Other parts of the spec").fill('{"prune": {"rule": "magic"}}')
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_label("Other parts of the spec")).to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("Other parts of the spec").fill('{"prune": {"rule": "curve"}}')
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_text("The settings are saved.")).to_be_visible()
        expect(facts.locator("dt:text-is('Events') + dd")).to_have_text("30 days")
        expect(page.get_by_role("region", name="Spec of its jobs")).to_contain_text('"group": "user_id"')
    spec = served.ask("GET", "/v1/models/ranker")["spec"]
    assert spec == {
        "dataset": {**SPEC["dataset"], "group": "user_id"},
        "model": {"backbone": "dcnv2"},
        "training": {"epochs": 3},
        "prune": {"rule": "curve"},
    }


def test_a_new_model_has_group_weight_backbone_and_epochs(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, served.url)
        page.get_by_role("button", name="New model").click()
        dialog = page.get_by_role("dialog")
        fields = {"Name": "ads", "Owner": "ads-team", "Training data": "/data/train", "Group column": "user",
                  "Weight column": "importance", "Epochs": "2"}  # fmt: skip
        for label, value in fields.items():
            dialog.get_by_label(label, exact=False).first.fill(value)
        dialog.get_by_label("Backbone").select_option("deepfm")
        dialog.get_by_role("button", name="Create model").click()
        page.wait_for_url("**/models/ads")
    assert served.ask("GET", "/v1/models/ads")["spec"] == {
        "dataset": {"train": "/data/train", "label": "label", "group": "user", "weight": "importance"},
        "model": {"backbone": "deepfm"},
        "training": {"epochs": 2},
    }
