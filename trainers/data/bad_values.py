"""Values that no model can read: whose they are, how many rows have them, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.spec import SpecError


@dataclass(frozen=True, kw_only=True)
class BadRows:
    """One thing that is wrong with the values of a column.

    Attributes:
        subject: whose column it is, such as "feature 'age': column 'age'".
        found: what it has.
        bad, rows: how many of how many rows have it.
        remedy: what to do.
        where: the split and the file, where they are known.
    """

    subject: str
    found: str
    bad: int
    rows: int
    remedy: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.subject} has {self.found} in {self.bad:,} of {self.rows:,} rows{self.where}; {self.remedy}"


class BadValuesError(SpecError):
    """Values that can't be read, one line a problem."""

    def __init__(self, *problems: BadRows) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))
