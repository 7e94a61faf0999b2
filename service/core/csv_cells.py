"""Text in cells of CSV: what a spreadsheet would take for a formula gets a quote in front (OWASP, CSV injection)."""

from __future__ import annotations

import re
from typing import Any

FORMULA = re.compile(r"'*[=+\-@\t\r]")
QUOTED = re.compile(r"'+[=+\-@\t\r]")


def as_text(value: Any) -> Any:
    """Text that is no formula; whatever is no text stays as it is: a negative number is none."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def from_text(cell: str) -> str:
    """The text that `as_text` was given."""
    return cell[1:] if QUOTED.match(cell) else cell
