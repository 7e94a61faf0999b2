"""The README's five-line gate runs as printed."""

import re

import torch

from tests.support.repository import ROOT


def test_the_five_line_gate_runs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "LeapGate" in block]
    names = {
        "x_BC": torch.randn(8, 17),
        "label_B": torch.ones(8),
        "model": lambda x_BC: x_BC.sum(1),
        "task_loss": torch.nn.functional.binary_cross_entropy_with_logits,
    }
    exec(code, names)  # noqa: S102
    assert set(names["importance"]) == {"user_id", "age"}  # type: ignore[call-overload]
    names["loss"].backward()  # type: ignore[attr-defined]
