"""Make the two roles and the database on a server of our own; a hosted one has them made by its operator."""

from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, make_url, text

OWNER_ROLE = "plumbline_owner"
"""Owns the tables and migrates them; row-level security is forced upon it, too."""
APP_ROLE = "plumbline_app"
"""What api and worker sign in as: no superuser, no way past row-level security, no owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrls:
    """One database, seen by each of the two roles."""

    owner_url: str
    app_url: str


def provision(
    admin_url: str,
    *,
    database: str = "plumbline",
    template: str | None = None,
    password: str | None = None,
) -> DatabaseUrls:
    """Create what is missing, as a superuser, and return the addresses. Safe to repeat.

    A password is needed only where the server asks its roles for one; both roles get it.
    """
    engine = create_engine(admin_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for role in (OWNER_ROLE, APP_ROLE):
                _create_role(connection, role)
                if password is not None:
                    _set_password(connection, role, password)
            if not _exists(connection, "pg_database", "datname", database):
                source = "" if template is None else f' TEMPLATE "{template}"'
                connection.exec_driver_sql(f'CREATE DATABASE "{database}" OWNER {OWNER_ROLE}{source}')
    finally:
        engine.dispose()
    url = make_url(admin_url).set(database=database)
    return DatabaseUrls(
        owner_url=url.set(username=OWNER_ROLE, password=password).render_as_string(hide_password=False),
        app_url=url.set(username=APP_ROLE, password=password).render_as_string(hide_password=False),
    )


def drop_database(admin_url: str, database: str) -> None:
    """Remove a database, whoever is connected to it."""
    engine = create_engine(admin_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    finally:
        engine.dispose()


def _create_role(connection: Connection, role: str) -> None:
    if not _exists(connection, "pg_roles", "rolname", role):
        connection.exec_driver_sql(
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        )


def _set_password(connection: Connection, role: str, password: str) -> None:
    """Let the server quote the password: ALTER ROLE takes no parameters."""
    statement = connection.scalar(
        text("SELECT format('ALTER ROLE %I PASSWORD %L', CAST(:role AS text), CAST(:password AS text))"),
        {"role": role, "password": password},
    )
    connection.execution_options(no_parameters=True).exec_driver_sql(str(statement))


def _exists(connection: Connection, catalog: str, column: str, name: str) -> bool:
    found = connection.execute(text(f"SELECT 1 FROM {catalog} WHERE {column} = :name"), {"name": name})  # noqa: S608  # both are literals of this file
    return found.first() is not None
