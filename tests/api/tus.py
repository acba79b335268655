"""Uploading by tus, request by request."""

from pathlib import Path
from typing import Any

import httpx

from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_captures import announce

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
URL = "/api/v1/uploads"


def begin(club: Club, content: bytes, **fields: object) -> str:
    """Announce a file and return where its pieces go."""
    capture = announce(club.client, size_bytes=len(content), **fields)
    way = next(way for way in capture["uploads"] if way["kind"] == "tus")
    assert way["method"] == "PATCH"
    return str(way["url"])


def send(club: Club, url: str, content: bytes, offset: int, **headers: str) -> httpx.Response:
    return club.client.patch(url, content=content, headers={**PIECE, "Upload-Offset": str(offset), **headers})


def offset_of(club: Club, url: str) -> int:
    answer = club.client.head(url, headers=TUS)
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["Upload-Offset"])


def capture_of(club: Club, url: str) -> dict[str, Any]:
    document: dict[str, Any] = club.client.get(url.replace("/uploads/", "/captures/")).json()
    return document


def partial(parts: PartsForTests, club: Club, url: str) -> Path:
    return parts.partials.directory / str(club.organisation_id) / f"{url.rpartition('/')[2]}.part"
