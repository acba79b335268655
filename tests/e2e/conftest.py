from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from app.db.provision import DatabaseUrls
from tests.chromium import require_chromium
from tests.support.service import Service
from tests.support.valkey import ValkeyServer
from tests.web.preview import chromium


@pytest.fixture
def service(fresh_database: DatabaseUrls, valkey_server: ValkeyServer) -> Iterator[Service]:
    made = Service(urls=fresh_database, redis_url=valkey_server.url)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # a machine that also analyses a video is slow to answer
    with chromium(require_chromium()) as started:
        yield started
