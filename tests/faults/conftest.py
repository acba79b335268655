from collections.abc import Iterator

import pytest

from app.db.provision import DatabaseUrls
from tests.support.service import Service
from tests.support.valkey import ValkeyServer


@pytest.fixture
def service(fresh_database: DatabaseUrls, valkey_server: ValkeyServer) -> Iterator[Service]:
    made = Service(urls=fresh_database, redis_url=valkey_server.url)
    yield made
    made.remove()
