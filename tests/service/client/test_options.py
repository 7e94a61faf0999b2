"""Refusals of a service in the names of a command's options."""

from __future__ import annotations

import typing
from typing import Any

import httpx
import pytest

from service.cli import jobs, prune_lists, triggers, webhooks
from service.cli.options import in_options, option_of, parameter_names
from service.client.core import Call


def names(function: Any) -> dict[str, str]:
    return parameter_names(typing.get_type_hints(function, include_extras=True), function)


@pytest.mark.parametrize(
    ("function", "field", "option"),
    [
        (triggers.create, "cooldown_seconds", "--cooldown"),
        (triggers.create, "when.max_seconds", "--max-seconds"),
        (triggers.create, "when.threshold", "--threshold"),
        (triggers.create, "overrides.training.epochs", "--set overrides.training.epochs"),
        (triggers.create, "quiet_hours.from", "--set quiet_hours.from"),
        (jobs.submit, "deadline_seconds", "--deadline"),
        (jobs.submit, "training.epochs", "training.epochs"),
        (jobs.submit, "idempotency_key", "--idempotency-key"),
        (webhooks.create, "kinds.0", "--kind"),
        (webhooks.create, "url", "URL"),
        (prune_lists.reject, "reason", "--reason"),
        (prune_lists.show, "content.features", "content.features"),
    ],
)
def test_a_field_has_the_name_of_its_option(function: Any, field: str, option: str) -> None:
    assert option_of(field, names(function)) == option


def test_a_message_names_options() -> None:
    said = 'prune list 3: its guard failed; to approve it all the same, give a reason and `"override_guard": true`'
    assert in_options(said, names(prune_lists.approve)).endswith("give a reason and `--override-guard`")
    lines = "2 field(s) can't be used; see `errors`\ncooldown_seconds: too long (got 5)\nwhen.query: no PromQL"
    assert in_options(lines, names(triggers.create)).splitlines()[1:] == [
        "--cooldown: too long (got 5)",
        "--query: no PromQL",
    ]


@pytest.mark.parametrize("key", ["nightly ", " nightly", "näch", "a\nb", ""])
def test_a_header_that_cannot_be_sent_is_refused_before_anything_is(key: str) -> None:
    call = Call("POST", "/v1/jobs", None, headers={"Idempotency-Key": key})
    with httpx.Client(base_url="http://127.0.0.1:1") as client, pytest.raises(ValueError, match=r"^idempotency_key: "):
        call.request(client)
