"""The command line, `winnow`: the trainers' commands and the service's, put together here and nowhere else."""

from __future__ import annotations

import sys

from trainers.extensions import ExtensionError

try:
    from service.cli import keys, remote, serve
    from trainers.cli import app
except ExtensionError as error:  # what another package brings is found as the spec's modules load
    print(f"winnow: {error}", file=sys.stderr)
    raise SystemExit(2) from None

serve.register(app)
keys.register(app)
remote.register(app)

__all__ = ["app"]
