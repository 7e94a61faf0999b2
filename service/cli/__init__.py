"""The command line, `winnow`: the trainers' commands and the service's, put together here and nowhere else."""

from __future__ import annotations

from service.cli import keys, remote, serve
from trainers.cli import app

serve.register(app)
keys.register(app)
remote.register(app)

__all__ = ["app"]
