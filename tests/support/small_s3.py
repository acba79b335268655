"""As much of S3 as a test of addresses and objects needs; it takes any signature, and remembers that there was one."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

BUCKET = "videos"


@dataclass
class SmallS3:
    """What lies in the bucket."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    signed: list[str] = field(default_factory=list)
    """Keys that were put by a signed address."""


class _Handler(BaseHTTPRequestHandler):
    kept: ClassVar[SmallS3]
    protocol_version = "HTTP/1.1"

    def _key(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{BUCKET}").lstrip("/")

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(body)), "ETag": '"e"', "Last-Modified": "Sat, 14 Mar 2026 16:05:00 GMT"}  # fmt: skip
        for name, value in (
            told | {name.replace("_", "-"): value for name, value in headers.items()}
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        if "X-Amz-Signature" in parse_qs(urlsplit(self.path).query):
            self.kept.signed.append(self._key())
        self.kept.objects[self._key()] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_DELETE(self) -> None:
        self.kept.objects.pop(self._key(), None)
        self._answer(204)

    def do_POST(self) -> None:
        """Delete many: the one POST there is."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        gone = re.findall(r"<Key>(.*?)</Key>", body)
        for key in gone:
            self.kept.objects.pop(key, None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in gone)
        self._answer(200, f"<DeleteResult>{told}</DeleteResult>".encode(), Content_Type="application/xml")

    def do_HEAD(self) -> None:
        content = self.kept.objects.get(self._key())
        if content is None:
            self._answer(404)
        else:
            self._answer(200, Content_Length=str(len(content)))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._list(query.get("prefix", [""])[0])
            return
        content = self.kept.objects.get(self._key())
        if content is None:
            self._answer(404)
            return
        start, end = 0, len(content)
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, end)
            self._answer(206, content[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(content)}")
            return
        self._answer(200, content)

    def _list(self, prefix: str) -> None:
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-03-14T16:05:00.000Z</LastModified>"
            f"<ETag>&quot;e&quot;</ETag><Size>{len(content)}</Size></Contents>"
            for key, content in sorted(self.kept.objects.items())
            if key.startswith(prefix)
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        self._answer(200, body.encode(), Content_Type="application/xml")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def small_s3() -> Iterator[SmallS3]:
    """Serve a bucket until left."""
    kept = SmallS3()

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kept": kept}))
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
