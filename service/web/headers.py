"""The headers that keep pages to themselves: a browser loads and runs what this service serves, and shows it in nobody
else's frame.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NONCE_BYTES = 16
# Charts and tables set styles on elements. The nonce is for scripts that stand in the page: the import map must.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class PageHeaders:
    """The middleware. `request.state.nonce` is new with every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        scope.setdefault("state", {})["nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if headers.get("content-type", "").startswith("text/html"):
                    headers.update(
                        {
                            "Content-Security-Policy": POLICY.format(nonce=nonce),
                            "Referrer-Policy": "same-origin",
                            "X-Frame-Options": "DENY",
                            "Cache-Control": "private, no-cache",
                        }
                    )
            await send(message)

        await self.app(scope, receive, send_with_headers)
