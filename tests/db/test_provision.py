"""Roles and databases are made once, with what a hosted server asks for."""

import pytest
from sqlalchemy import create_engine, make_url, text

from app.db.provision import APP_ROLE, OWNER_ROLE, provision
from tests.support import postgres


@pytest.fixture
def database_name(postgres_url):
    name, _ = postgres.make_empty_database(postgres_url)
    yield name
    postgres.drop(postgres_url, name)


def test_provision_when_repeated_then_the_same_addresses(postgres_url, database_name):
    password = make_url(postgres_url).password or None
    first = provision(postgres_url, database=database_name, password=password)
    assert provision(postgres_url, database=database_name, password=password) == first
    assert make_url(first.owner_url).username == OWNER_ROLE
    assert make_url(first.app_url).username == APP_ROLE


def test_provision_when_a_password_is_given_then_both_roles_have_it(postgres_url, database_name):
    odd = make_url(postgres_url).password or 'it\'s 100 % "odd" \\ :really'
    urls = provision(postgres_url, database=database_name, password=odd)
    assert make_url(urls.app_url).password == odd
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        stored = connection.execute(
            text(
                "SELECT rolname FROM pg_authid WHERE rolname LIKE 'plumbline%' AND rolpassword LIKE 'SCRAM%'"
            )
        ).scalars()
        assert set(stored) == {OWNER_ROLE, APP_ROLE}
    engine.dispose()


def test_provision_when_the_app_connects_then_it_owns_nothing(postgres_url, database_name):
    urls = provision(postgres_url, database=database_name, password=make_url(postgres_url).password or None)
    engine = create_engine(urls.app_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == APP_ROLE
        with pytest.raises(Exception, match="permission denied"):
            connection.execute(text("CREATE TABLE mine (id int)"))
    engine.dispose()
