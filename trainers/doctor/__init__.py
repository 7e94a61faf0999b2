"""`winnow doctor`: what keeps this stack from running on a machine, and the remedy. Imports no torch.

`quick` needs no subprocess and runs before every command that trains; `full` adds the checks that import the
builds and try the collectives, each in a subprocess, so that a crash is a finding.
"""

from trainers.doctor.finding import DoctorError, Finding, require
from trainers.doctor.rounds import full, quick, serving

__all__ = ["DoctorError", "Finding", "full", "quick", "require", "serving"]
