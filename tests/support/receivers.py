"""A receiver of webhooks: a real HTTP server on loopback, that answers as the test says."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and what is answered: statuses in order, the last one for ever."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"ok"
    drip_seconds: float = 0.0
    delay_seconds: float = 0.0
    together: int = 0
    most_together: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, host: str = "127.0.0.1", path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # a sender that died meanwhile
            with receiver.lock:
                receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                receiver.together += 1
                receiver.most_together = max(receiver.most_together, receiver.together)
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
            time.sleep(receiver.delay_seconds)
            with receiver.lock:
                receiver.together -= 1
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            for byte in receiver.answer:
                self.wfile.write(bytes([byte]))
                if receiver.drip_seconds:
                    self.wfile.flush()
                    time.sleep(receiver.drip_seconds)

        def do_GET(self) -> None:
            receiver.got.append(Got(self.path, dict(self.headers.items()), b""))
            self.send_error(405)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # of 5, the default, connections at once are reset beyond a few

        def handle_error(self, *_: object) -> None:
            pass  # a client that went away

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
