"""What is said where Ray is away: one text for the log, the API, the pages and the command line."""

from __future__ import annotations

from service.ray.client import Engine
from service.settings import Settings

OWN = (
    "Ray, which this service runs, doesn't answer. Jobs wait; the service starts Ray again where it has ended. "
    "If this lasts for minutes, read the service's log"
)
CLUSTER = (
    "Ray's job server doesn't answer. Jobs wait until it does; check that the cluster runs and that "
    "WINNOW_RAY_ADDRESS of the service leads to it"
)


def ray_problem(engine: Engine, settings: Settings) -> str | None:
    """What is wrong with Ray and what to do, asked of it now; None where it answers."""
    if engine.healthy():
        return None
    return OWN if settings.ray_address is None else CLUSTER
