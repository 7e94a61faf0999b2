"""`winnow prune-list`: the lists of a model, from proposal to serving and back."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.command import PANEL, Limit, Model, Server, command
from service.cli.parse import without_none
from service.cli.render import Rows

if TYPE_CHECKING:
    from service.schemas.prune_lists import ListDetail, ListDiff

lists = typer.Typer(help="Prune lists on a server: look at them, agree to them, serve them, take them back.")
Number = Annotated[int, typer.Argument(help="Number of the list, as `winnow prune-list list` shows it.")]
Ref = Annotated[str, typer.Argument(help="Number of a list, or active.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the record.")]


class Form(StrEnum):
    """How a list is written."""

    JSON = "application/json"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"


def register(app: typer.Typer) -> None:
    app.add_typer(lists, name="prune-list", no_args_is_help=True, rich_help_panel=PANEL)
    command(lists, "winnow prune-list get feed-ranker; winnow prune-list get feed-ranker --output list.csv")(get)
    command(lists, "winnow prune-list list feed-ranker --state proposed", "list")(list_lists)
    command(lists, "winnow prune-list show feed-ranker 12")(show)
    command(lists, "winnow prune-list approve feed-ranker 12 --reason 'offline AUC holds'")(approve)
    command(lists, "winnow prune-list reject feed-ranker 12 --reason 'title is needed by law'")(reject)
    command(lists, "winnow prune-list revise feed-ranker 12 --keep clip --prune hour --reason 'clip is new'")(revise)
    command(lists, "winnow prune-list follow-up feed-ranker 13")(follow_up)
    command(lists, "winnow prune-list activate feed-ranker 12")(activate)
    command(lists, "winnow prune-list rollback feed-ranker --reason 'CTR fell'")(rollback)
    command(lists, "winnow prune-list diff feed-ranker active 12")(diff)


def get(
    server: Server,
    model: Model,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the list there: .json, .csv or .arrow by its ending.")
    ] = None,
) -> Any:
    """Show the active list, or write it to a file."""
    if output is None and server.out.as_json:
        return server.winnow.active_list(model).content
    if output is None:
        return list_fields(server.winnow.get_published_list(model, "active"))
    forms = {".json": Form.JSON, ".csv": Form.CSV, ".arrow": Form.ARROW}
    if output.suffix not in forms:
        raise ValueError(f"--output: {output} ends in none of {', '.join(forms)}, which say how it is written")
    content = server.winnow.get_active_prune_list(model, accept=forms[output.suffix].value)
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ValueError(f"--output: {output} can't be written ({error.strerror}); give another path") from None
    return {"model": model, "output": output}


def list_lists(
    server: Server,
    model: Model,
    state: Annotated[list[str], typer.Option(help="Such as proposed or active; repeatable.")] = [],  # noqa: B006
    limit: Limit = 20,
) -> Rows:
    """List a model's lists, newest first."""
    return server.list_rows(server.winnow.list_prune_lists, model, limit=limit, **without_none(state=state))


def show(server: Server, model: Model, number: Ref) -> Any:
    """Show a list: its state, what it prunes, what that saves and costs."""
    detail = server.winnow.get_published_list(model, number)
    return detail if server.out.as_json else list_fields(detail)


def list_fields(detail: ListDetail) -> dict[str, Any]:
    """A list for people: its life, the totals, and each feature's decision."""
    content = detail.content
    guard = content.guard
    parts = {
        "before": content.before,
        "after": content.after,
        "guard": f"{guard.verdict}: {guard.reason}",
        "worse beyond its limit": guard.banner,
        "leaks": "\n".join(leak.message for leak in content.leaks),
        "warning": content.warning,
    }
    pruned = [feature.name for feature in content.features if feature.decision == "prune"]
    return {**detail.model_dump(exclude={"content"}), **parts, "kept": content.kept, "pruned": pruned}


def approve(
    server: Server,
    model: Model,
    number: Number,
    reason: Reason = None,
    override_guard: Annotated[
        bool, typer.Option("--override-guard", help="Although its guard failed; needs a reason.")
    ] = False,
) -> Any:
    """Agree to a proposed list."""
    body = without_none(reason=reason, override_guard=override_guard or None)
    return server.winnow.approve_prune_list(model, number, body=body)


def reject(
    server: Server, model: Model, number: Number, reason: Annotated[str, typer.Option(help="Why, for the record.")]
) -> Any:
    """Put a proposed or approved list away for good."""
    return server.winnow.reject_prune_list(model, number, {"reason": reason})


def revise(
    server: Server,
    model: Model,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    keep: Annotated[list[str], typer.Option(help="A feature to keep that the list prunes; repeatable.")] = [],  # noqa: B006
    prune: Annotated[list[str], typer.Option(help="A feature to prune that the list keeps; repeatable.")] = [],  # noqa: B006
) -> Any:
    """Make a new list of a list, with other decisions."""
    return server.winnow.revise_prune_list(model, number, {"keep": keep, "prune": prune, "reason": reason})


def follow_up(server: Server, model: Model, number: Number) -> Any:
    """Start a job that fine-tunes and measures exactly the features that a list keeps."""
    return server.winnow.start_follow_up_job(model, number)


def activate(server: Server, model: Model, number: Number, reason: Reason = None) -> Any:
    """Serve an approved list, and move its features' statuses."""
    return server.winnow.activate_prune_list(model, number, body=without_none(reason=reason))


def rollback(server: Server, model: Model, reason: Reason = None) -> Any:
    """Take the active list back; the one before it is served again."""
    found = server.winnow.roll_back_prune_list(model, body=without_none(reason=reason))
    if server.out.as_json:
        return found
    before = "none" if found.active is None else str(found.active.number)
    return {"rolled back": found.rolled_back.number, "active": before}


def diff(server: Server, model: Model, a: Ref, b: Ref) -> Any:
    """Show what changes where list B is served in place of list A."""
    found = server.winnow.diff_prune_lists(model, a, b)
    return found if server.out.as_json else diff_fields(found)


def diff_fields(found: ListDiff) -> dict[str, Any]:
    """A difference for people: what serving gains and loses, then the totals and the scores."""
    totals_a, totals_b = found.a.totals, found.b.totals
    totals = {key: f"{_plain(totals_a[key])} → {_plain(value)}" for key, value in totals_b.items() if key in totals_a}
    known = {*found.no_longer_served, *found.newly_served}
    return {
        "lists": f"{found.b.number} in place of {found.a.number}",
        "no longer served": found.no_longer_served or "none",
        "newly served": found.newly_served or "none",
        "new and pruned": [name for name in found.only_in_b if name not in known],
        "gone, not served before": [name for name in found.only_in_a if name not in known],
        **totals,
        "scores": found.scores,
    }


def _plain(value: float) -> str:
    """All digits: a total is compared with others."""
    return f"{value:.0f}" if value.is_integer() else f"{value:.2f}"
