"""What a check finds: ok, a warning or a failure, and for the latter two the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


class DoctorError(ValueError):
    """The environment can't train; the message has every failure with its remedy."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one check; `remedy` is empty exactly where `status` is ok."""

    name: str
    status: Status
    finding: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert bool(self.remedy) == (self.status != "ok"), f"{self.name}: a problem, and only a problem, has a remedy"


def require(findings: Sequence[Finding]) -> None:
    """Raise DoctorError where a check failed; warnings pass."""
    failed = [finding for finding in findings if finding.status == "fail"]
    if failed:
        raise DoctorError("\n".join(f"{each.name}: {each.finding}. Remedy: {each.remedy}" for each in failed))
