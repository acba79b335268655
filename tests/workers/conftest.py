from collections.abc import Iterator
from pathlib import Path

import pytest

from app.container import Container, build_container
from app.db.provision import DatabaseUrls
from app.settings import load_settings


@pytest.fixture
def container(database: DatabaseUrls, redis_url: str, tmp_path: Path) -> Iterator[Container]:
    settings = load_settings(
        data_dir=tmp_path,
        database_url=database.app_url,
        redis_url=redis_url,
        min_free_bytes=0,
        sweep_interval_s=1.0,
    )
    with build_container(settings) as made:
        yield made
