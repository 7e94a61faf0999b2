"""What commands print, for people and for machines, and the exit codes of their errors.

People read stdout, or stderr where `--json` gives stdout to machines: one JSON document, the result or
`{"error": message, "exit_code": code}`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self, TextIO

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

FAILED, WRONG, REFUSED, AWAY, INTERRUPTED, TERMINATED = 1, 2, 3, 4, 130, 143

DECIMALS = 9  # what is smaller is rounding of 0
PACKAGES = Path(__file__).parents[2]
OURS = tuple(str(PACKAGES / name) for name in ("trainers", "sharding", "service"))

LIBRARIES = ("torch", "torchrec", "fbgemm_gpu", "ray")

Json = Annotated[bool, typer.Option("--json", help="Write the result to stdout as JSON, everything else to stderr.")]


class TerminatedError(KeyboardInterrupt):
    """SIGTERM."""


class CommandError(Exception):
    """Ends a command with a message and an exit code; `details` stand beside the message where machines read."""

    def __init__(self, message: str, exit_code: int, **details: Any) -> None:
        super().__init__(message)
        self.exit_code, self.details = exit_code, details


def quiet_libraries() -> None:
    """Let libraries log errors alone. torch sets its own level as it is imported: call this again after that."""
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)


class Output:
    """Context of a command: prints results, and turns an exception into a message and an exit code.

    What libraries print inside the context goes to stderr, so that stdout holds the result alone. Their warnings go
    nowhere.
    """

    def __init__(self, *, as_json: bool, interrupted: str | Callable[[], str] = "interrupted") -> None:
        self.as_json, self.interrupted = as_json, interrupted
        self.stdout = sys.stdout
        self.people = Console(stderr=True) if as_json else Console(file=self.stdout)
        self.errors = Console(stderr=True)
        self._aside = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._aside.enter_context(contextlib.redirect_stdout(sys.stderr))
        self._aside.enter_context(warnings.catch_warnings())
        warnings.showwarning = self._show_warning
        quiet_libraries()
        return self

    def _show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Ours in one line. Those of libraries are of their own code, which nobody who reads this can change."""
        if filename.startswith(OURS):
            self.say(str(message), style="yellow")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.__exit__(kind, error, trace)
        # A broken pipe has no reader for a message.
        if error is None or isinstance(error, typer.Exit | SystemExit | BrokenPipeError):
            return
        code, message = self._explain(error)
        if os.environ.get("WINNOW_TRACEBACK"):
            traceback.print_exception(error)
        if self.as_json:
            details = error.details if isinstance(error, CommandError) else {}
            self._write({"error": message, "exit_code": code, **details})
        self.errors.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(code) from None

    def result(self, content: Any, show: Callable[[Console], None]) -> None:
        """Give the result: `content` to machines, or what `show` prints to people."""
        if self.as_json:
            self._write(plain(content))
        else:
            show(self.people)

    def part(self, text: str, content: Any) -> None:
        """Give a part of a result that comes in parts: `content` to machines on a line, or the text to people."""
        self.stdout.write(json.dumps(plain(content)) + "\n" if self.as_json else text)
        self.stdout.flush()

    def say(self, message: str, style: str = "") -> None:
        """Tell people something beside the result."""
        self.errors.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def _write(self, content: Any) -> None:
        self.stdout.write(json.dumps(content, indent=2) + "\n")
        self.stdout.flush()

    def _explain(self, error: BaseException) -> tuple[int, str]:
        if isinstance(error, KeyboardInterrupt):
            return TERMINATED if isinstance(error, TerminatedError) else INTERRUPTED, (
                self.interrupted if isinstance(self.interrupted, str) else self.interrupted()
            )
        if isinstance(error, CommandError):
            return error.exit_code, str(error)
        if isinstance(error, ValueError):
            return WRONG, str(error)
        if type(error).__module__.partition(".")[0] in {"trainers", "sharding", "service"}:
            return FAILED, str(error)
        return FAILED, f"{type(error).__name__}: {error} (set WINNOW_TRACEBACK=1 to see where)"


def plain(content: Any) -> Any:
    """Dataclasses, pydantic models, paths, instants and tuples as JSON has them."""
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        return {field.name: plain(getattr(content, field.name)) for field in dataclasses.fields(content)}
    if isinstance(content, BaseModel):
        return content.model_dump(mode="json")
    if isinstance(content, Mapping):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(each) for each in content]
    if isinstance(content, datetime):
        return content.isoformat()
    return str(content) if isinstance(content, Path) else content


def table(title: str, rows: list[dict[str, Any]]) -> Table:
    """A table with a column per key of the first row; numbers to the right."""
    made = Table(title=title, title_justify="left")
    for key, value in rows[0].items() if rows else ():
        made.add_column(key.replace("_", " "), justify="right" if isinstance(value, int | float) else "left")
    for row in rows:
        made.add_row(*(_cell(value) for value in row.values()))
    return made


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{round(value, DECIMALS):z.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
