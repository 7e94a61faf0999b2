"""The Python client. Needs no torch.

    from service.client import Winnow

    with Winnow("http://127.0.0.1:8080", key="wnw_…") as winnow:
        run = winnow.submit(spec)
        print(run.wait().state, run.prune_list()["after"])

`AsyncWinnow` has the same to await. Every operation of the REST API is a method, named by its operation id:
`listJobs` is `list_jobs`. What requests and answers hold is in `service.schemas`.
"""

from service.client.asynchronous import AsyncRun, AsyncWinnow
from service.client.core import ActiveList, WinnowError
from service.client.synchronous import Run, Winnow

__all__ = ["ActiveList", "AsyncRun", "AsyncWinnow", "Run", "Winnow", "WinnowError"]
