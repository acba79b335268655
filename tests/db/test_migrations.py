"""The schema comes from the migrations alone, and the models say the same."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, inspect

from app.db.base import Base
from app.db.migrate import check_drift, downgrade, heads, upgrade
from app.db.provision import DatabaseUrls
from tests.support import postgres


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[DatabaseUrls]:
    name, urls = postgres.make_empty_database(postgres_url)
    yield urls
    postgres.drop(postgres_url, name)


def _tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrations_when_run_up_down_up_then_leave_the_models_schema(empty_database: DatabaseUrls) -> None:
    url = empty_database.owner_url
    upgrade(url)
    check_drift(url)
    assert _tables(url) == set(Base.metadata.tables)
    downgrade(url, "base")
    assert _tables(url) == set()
    upgrade(url)
    upgrade(url)
    check_drift(url)


def test_migrations_when_listed_then_have_one_head() -> None:
    assert len(heads()) == 1
