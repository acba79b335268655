"""Another system that is told things: an HTTP server whose messages only the Standard Webhooks library judges."""

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass(slots=True, kw_only=True)
class Receiver:
    """What arrived, and how the next messages are answered."""

    url: str = ""
    secret: str = ""
    statuses: list[int] = field(default_factory=list)
    """Of the next answers; 204 when it is empty."""
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    delay_s: float = 0.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    """Those the library took: the body with the `webhook-id` as ``id``."""
    refused: list[str] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.raw.append((headers, body))
        time.sleep(self.delay_s)
        status = self.statuses.pop(0) if self.statuses else 204
        if not 200 <= status < 300:
            return status
        try:
            message = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.refused.append(str(error))
            return 400
        self.messages.append({"id": headers["webhook-id"], **message})
        return status


def _handler(receiver: Receiver) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def receiving(*, tls: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Serve until left; with a certificate and its key, over TLS."""
    receiver = Receiver()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/plumbline?for=us"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
