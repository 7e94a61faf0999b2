"""Where version 0.1 had the LeAP gate; it goes with the next version."""

import warnings

from trainers.selectors.gates.leap.gate import LeapGate

__all__ = ["LeapGate"]

warnings.warn(
    "trainers.gate is called trainers.selectors.gates.leap.gate; the old name goes with the next version",
    FutureWarning,
    stacklevel=2,
)
